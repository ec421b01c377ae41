# SPDX-License-Identifier: Apache-2.0
# Sourced by tests/run: what each suite builds and runs. A suite calls `count NAME PASSED FAILED
# SKIPPED` once for each group of tests it ran.

# build PRESET [TARGET...]: configures once (again after deploy/demo, which wants no tests), builds what
# changed.
build() {
  local preset="$1" options=(-DBULKHEAD_TESTS=ON)
  [ "$preset" != release ] || options+=(-DBULKHEAD_BENCH=ON)
  shift
  [ "$*" = build.ninja ] || say "building ($preset)"
  if ! grep -qs BULKHEAD_TESTS:BOOL=ON "build/$preset/CMakeCache.txt"; then
    cmake --preset "$preset" "${options[@]}" > "build/$preset.configure.log" 2>&1 ||
      { cat "build/$preset.configure.log" >&2; return 1; }
  fi
  ninja -C "build/$preset" "$@" | thin_out
}

# test_programs PRESET REGEX: the targets of the configured tree whose name fits.
test_programs() { ninja -C "build/$1" -t targets all | sed -nE "s/^($2): phony\$/\1/p" | sort -u; }

# build_tests PRESET REGEX: only the programs that a suite runs, which is what sanitizers can afford.
build_tests() {
  local programs
  build "$1" build.ninja || return 1
  mapfile -t programs < <(test_programs "$1" "$2")
  [ ${#programs[@]} -gt 0 ] && build "$1" "${programs[@]}"
}

# run_ctest SUITE PRESET REGEX [SECONDS]: the CTest tests whose name matches, in parallel, each for so
# long at most. None is a failure: a suite that lost its tests must not look well.
run_ctest() {
  local suite="$1" preset="$2" regex="$3" longest="${4:-600}" junit head tests failed skipped disabled
  junit="$(mktemp "$scratch/junit.XXXXXX")"
  ctest --test-dir "build/$preset" -R "$regex" -j "$(nproc)" --output-on-failure --timeout "$longest" \
    --no-tests=error --output-junit "$junit" 2>&1 | thin_out || true
  say_seeds "$preset"
  head="$(tr '\n\t' '  ' < "$junit" | grep -o '<testsuite [^>]*>' | head -1)" || true
  number() { sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p" <<< "$head"; }
  tests="$(number tests)" failed="$(number failures)" skipped="$(number skipped)"
  disabled="$(number disabled)"
  if [ "${tests:-0}" -eq 0 ]; then
    say "$suite: no test ran"
    count "$suite" 0 1 0
    return
  fi
  skipped=$((skipped + disabled))
  count "$suite" $((tests - failed - skipped)) "$failed" "$skipped"
}

# say_seeds PRESET: the seeds of the run that ended last, to repeat it.
say_seeds() {
  grep -hoE 'BULKHEAD_SEED=[0-9]+|[0-9]+ files, seed [0-9]+' "build/$1/Testing/Temporary/LastTest.log" | sort | uniq -c |
    while read -r times seed; do echo "   $times tests: $seed"; done || true
}

# say_compared PRESET: what each property of the run that ended last was tried on.
say_compared() {
  awk '/ Testing: / { name = $3; sub(".*/", "", name) }
    /^[0-9]+ (probes|questions|cells|points|ways|caught|compiles|tables|damaged) ?/ { print "   " name ": " $0 }' \
    "build/$1/Testing/Temporary/LastTest.log" | sort
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
# A million cases of each property of the policy engine, where CI takes a tenth; others every night,
# where CI takes the same. BULKHEAD_CASES=100000000 tests/run nightly goes on for hours.
suite_nightly() {
  local cases="${BULKHEAD_CASES:-1000000}" seed="${BULKHEAD_SEED:-$(date +%s)}"
  build_tests release 'property_policy(_[a-z0-9]+)*' || return 1
  say "$cases cases of each property; BULKHEAD_SEED=$seed tests/run nightly repeats them"
  BULKHEAD_CASES="$cases" BULKHEAD_SEED="$seed" run_ctest nightly release '^property/policy/' 43200
  say_compared release
}
suite_scenario() { build release && run_ctest scenario release '^scenario/'; }
suite_conformance() { build release && run_ctest conformance release '^conformance/'; }
suite_fuzz_smoke() { build release && run_ctest fuzz-smoke release '^fuzz/'; }
suite_asan() {
  build_tests asan '(unit|scenario|fuzz)_[a-z0-9_]+' &&
    ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1 \
      run_ctest asan asan '^(unit|scenario|fuzz)/'
}
# Publishing, the statistics page, the hand-over and whole workers: what threads share. DPDK's rings
# use C11 atomics in this build; tsan.supp names what is left.
suite_tsan() {
  build_tests tsan 'unit_dataplane_(publish|api|flow|worker)' &&
    TSAN_OPTIONS="suppressions=$PWD/tests/support/tsan.supp" \
      run_ctest tsan tsan '^unit/dataplane/(publish|api|flow|worker)/'
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
