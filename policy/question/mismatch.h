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
  std::string name = {};   // what its author calls the rule; often empty
  std::string where = {};  // "web.yaml:12:5"
  friend bool operator==(const Nearest&, const Nearest&) = default;
};

// The rules nearest to allowing this direction of a denied connection, fewest faults first, at most
// `limit`: rules of the policies that select the subject, and of those in its namespace that miss
// it by a label. `decided` is the rule that denied: what would match all the same came too late.
[[nodiscard]] std::vector<Nearest> nearest_rules(const model::Cluster& cluster, Direction direction,
                                                 const End& subject, const End& peer,
                                                 const Probe& probe, const std::string& decided,
                                                 std::size_t limit);

}  // namespace bulkhead::question
