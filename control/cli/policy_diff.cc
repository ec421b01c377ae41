// SPDX-License-Identifier: Apache-2.0
#include <ostream>

#include "control/cli/commands.h"
#include "control/cli/policy_input.h"
#include "policy/question/diff.h"

namespace bulkhead::control::cli {

Exit run(const PolicyDiff& command, const Output& output) {
  const auto before = read_cluster(command.input, output);
  const auto after = read_cluster(command.changed, output);
  if (!before || !after) return Exit::BadInput;
  const auto diff = question::diff(*before, *after);
  if (!diff) return refuse(output, diff.error());
  if (output.format == Format::Json) {
    output.out << question::to_json(*diff) << '\n';
  } else {
    output.out << question::to_text(*diff);
  }
  return command.is_exit_code && !diff->is_empty() ? Exit::Findings : Exit::Good;
}

}  // namespace bulkhead::control::cli
