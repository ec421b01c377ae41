# SPDX-License-Identifier: Apache-2.0
# Sourced by tests/run: what each suite builds and runs. A suite calls `count NAME PASSED FAILED
# SKIPPED` once for each group of tests it ran.

export NINJA_STATUS='[%f/%t %es] '

# build PRESET [TARGET...]: configures once, builds what changed.
build() {
  local preset="$1"
  shift
  say "building ($preset) ${*:-everything}"
  if ! grep -qs BULKHEAD_TESTS:BOOL=ON "build/$preset/CMakeCache.txt"; then
    cmake --preset "$preset" -DBULKHEAD_TESTS=ON > "build/$preset.configure.log" 2>&1 ||
      { cat "build/$preset.configure.log" >&2; return 1; }
  fi
  ninja -C "build/$preset" "$@"
}

# run_ctest SUITE PRESET REGEX: the CTest tests whose name matches, in parallel.
run_ctest() {
  local suite="$1" preset="$2" regex="$3" junit head
  junit="$(mktemp "$scratch/junit.XXXXXX")"
  ctest --test-dir "build/$preset" -R "$regex" -j "$(nproc)" --output-on-failure --timeout 600 \
    --no-tests=ignore --output-junit "$junit" || true
  head="$(tr '\n' ' ' < "$junit" | grep -o '<testsuite [^>]*>' | head -1)" || true
  number() { sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p" <<< " ${head//$'\t'/ }"; }
  local tests failed skipped disabled
  tests="$(number tests)" failed="$(number failures)" skipped="$(number skipped)"
  disabled="$(number disabled)"
  if [ -z "$tests" ]; then
    if [ "$(ctest --test-dir "build/$preset" -N -R "$regex" | sed -n 's/^Total Tests: //p')" = 0 ]; then
      count "$suite" 0 0 0
    else
      count "$suite" 0 1 0
    fi
    return
  fi
  skipped=$((skipped + disabled))
  count "$suite" $((tests - failed - skipped)) "$failed" "$skipped"
}

# run_python SUITE PROGRAM ARGUMENT...: a program that writes its counts to the file --results.
run_python() {
  local suite="$1" results passed failed skipped
  shift
  results="$(mktemp "$scratch/results.XXXXXX")"
  "$@" --results "$results" || true
  if read -r passed failed skipped < "$results"; then
    count "$suite" "$passed" "$failed" "$skipped"
  else
    count "$suite" 0 1 0
  fi
}

suite_lint() { run_python lint python3 tests/lint/main.py; }
suite_unit() { build release && run_ctest unit release '^unit/'; }
suite_property() { build release && run_ctest property release '^property/'; }
suite_scenario() { build release && run_ctest scenario release '^scenario/'; }
suite_conformance() { build release && run_ctest conformance release '^conformance/'; }
suite_fuzz_smoke() { build release && run_ctest fuzz-smoke release '^fuzz/'; }
suite_asan() {
  build asan && ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1 \
    run_ctest asan asan '^(unit|scenario|fuzz)/'
}
# The parts that share memory between threads: publishing, hand-off, the worker loop.
suite_tsan() {
  local targets
  build tsan help > /dev/null || return 1
  targets="$(ninja -C build/tsan -t targets all | sed -n 's/^\(unit_dataplane_\(publish\|worker\|api\)\|property_dataplane_publish\):.*/\1/p')"
  # shellcheck disable=SC2086
  build tsan $targets && run_ctest tsan tsan '^(unit/dataplane/(publish|worker|api)|property/dataplane/publish)/'
}
suite_e2e() {
  build release || return 1
  if ! can_be_root; then
    say "e2e needs root: skipped"
    count e2e 0 0 1
    return
  fi
  run_python e2e as_root python3 tests/e2e/main.py --bin "$PWD/build/release/bin"
}
