// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "policy/question/end.h"
#include "policy/question/probe.h"

namespace bulkhead::question {

// A rule that would have allowed what was denied, but for `why`.
struct Nearest {
  std::string rule;
  std::string why;
  std::size_t faults = 0;  // how many things would have to differ
  friend bool operator==(const Nearest&, const Nearest&) = default;
};

// The rules nearest to allowing this direction of a denied connection, fewest faults first, at most
// `limit`: rules of the policies that select the subject, and of those in its namespace that miss
// it by a label.
[[nodiscard]] std::vector<Nearest> nearest_rules(const model::Cluster& cluster, Direction direction,
                                                 const End& subject, const End& peer,
                                                 const Probe& probe, std::size_t limit);

}  // namespace bulkhead::question
