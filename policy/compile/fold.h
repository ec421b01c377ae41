// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "policy/compile/rule_book.h"
#include "policy/compile/subjects.h"

namespace bulkhead::compile {

struct Outcome {
  Verdict verdict = Verdict::Deny;
  RuleName rule = RuleName::Isolated;
  friend auto operator<=>(const Outcome&, const Outcome&) = default;
};

// A run of points of the (protocol, port) line with one answer in both worlds.
struct FoldedInterval {
  std::uint32_t last = 0;
  std::array<Outcome, kWorlds> outcome;
};

// Applies the order of decision to the rules that match a peer, for every protocol and port at
// once: quarantine, Admin tier, NetworkPolicy tier, Baseline tier, default. `rules`: those of the
// stance whose peers match, in the stance's order. `destination`: the named ports of the pod that
// the connection goes to.
[[nodiscard]] std::vector<FoldedInterval> fold(const RuleBook& book, const Stance& stance,
                                               std::span<const std::uint32_t> rules,
                                               const std::vector<PortOfName>& destination);

}  // namespace bulkhead::compile
