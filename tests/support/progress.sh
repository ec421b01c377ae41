# SPDX-License-Identifier: Apache-2.0
# Sourced by programs that build or run tests.

export NINJA_STATUS='[%f/%t] '

# thin_out: what ninja and ctest print, a line a step, in fewer lines: one for each tenth of the way
# (on a terminal one line that is written over). All else passes through, such as warnings and
# failures with their output. VERBOSE=1 keeps every line.
thin_out() {
  if [ -n "${VERBOSE:-}" ]; then cat; return; fi
  local line done all what tenth=0 is_open=false is_terminal=false
  [ -t 1 ] && [ "${TERM:-dumb}" != dumb ] && is_terminal=true
  while IFS= read -r line; do
    if [[ $line =~ ^\[([0-9]+)/([0-9]+)\]' ' ]]; then
      what='steps of the build'
    elif [[ $line =~ ^' '*([0-9]+)/([0-9]+)' Test '+'#'.*' Passed '+[0-9.]+' sec'$ ]]; then
      what='tests'
    elif [[ $line =~ ^(' '*Start' '+[0-9]+:.*|Internal ctest.*|Test project.*|[0-9]+% tests passed.*|Total Test time.*|ninja: .*directory.*|ninja: no work to do.|)$ ]]; then
      continue
    else
      ! $is_open || echo
      is_open=false
      printf '%s\n' "$line"
      continue
    fi
    done="${BASH_REMATCH[1]}" all="${BASH_REMATCH[2]}"
    if $is_terminal; then
      printf '\r   %d of %d %s\e[K' "$done" "$all" "$what"
      is_open=true
    elif [ "$done" -eq "$all" ] || [ $((done * 10 / all)) -gt "$tenth" ]; then
      printf '   %d of %d %s\n' "$done" "$all" "$what"
    fi
    tenth=$((done * 10 / all))
  done
  ! $is_open || echo
}
