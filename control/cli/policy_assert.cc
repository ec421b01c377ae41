// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <ostream>

#include "control/cli/commands.h"
#include "control/cli/policy_input.h"
#include "control/cli/read_whole.h"
#include "policy/question/prove.h"

namespace bulkhead::control::cli {

Exit run(const PolicyAssert& command, const Output& output) {
  const auto text = read_whole(command.assertions);
  if (!text) return refuse(output, text.error());
  const auto read = question::read_assertions(command.assertions.string(), *text);
  for (const auto& error : read.errors) output.err << printable(error.text()) << '\n';
  if (!read.errors.empty()) return Exit::BadInput;
  const auto cluster = read_cluster(command.input, output);
  if (!cluster) return Exit::BadInput;
  const auto proofs = question::prove(*cluster, read.assertions);
  if (!proofs) return refuse(output, proofs.error());
  if (output.format == Format::Json) {
    output.out << question::to_json(*proofs) << '\n';
  } else {
    output.out << question::to_text(*proofs);
  }
  const bool is_proven = std::ranges::all_of(*proofs, [](const question::Proof& proof) {
    return proof.outcome == question::Proof::Outcome::Proven;
  });
  return is_proven ? Exit::Good : Exit::Findings;
}

}  // namespace bulkhead::control::cli
