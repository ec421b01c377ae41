// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/base/result.h"
#include "policy/model/cluster.h"
#include "policy/question/assertion.h"

namespace bulkhead::question {

// One connection that breaks an assertion.
struct Witness {
  std::string from;
  std::string to;
  Family family = Family::V4;
  PortSpan port;  // a single port, or "other"
  Verdict verdict = Verdict::Deny;
  std::string egress;  // the rules that decided; empty where an end is no pod
  std::string ingress;
};

struct Proof {
  // Vacuous: no pod matches `from` or `to`, so the words prove nothing: most likely mistyped.
  enum class Outcome : std::uint8_t { Proven, Refuted, Vacuous };
  Assertion assertion;
  Outcome outcome = Outcome::Refuted;
  std::optional<Witness> witness;
  std::size_t pairs = 0;  // pairs of classes compared, each with every protocol and port
};
[[nodiscard]] std::string_view name_of(Proof::Outcome outcome);

// Decides each assertion for every pod, outside address, protocol and port, by the compiled table.
// Fails when the table cannot be made.
[[nodiscard]] Result<std::vector<Proof>> prove(const model::Cluster& cluster,
                                               const std::vector<Assertion>& assertions);

// {"assertions": [{"name", "file", "line", "column", "kind", "outcome", "pairs", "witness":
// {"from",
//   "to", "family", "protocol", "port", "verdict", "egress", "ingress"} or null}]}
[[nodiscard]] std::string to_json(const std::vector<Proof>& proofs);
[[nodiscard]] std::string to_text(const std::vector<Proof>& proofs);

}  // namespace bulkhead::question
