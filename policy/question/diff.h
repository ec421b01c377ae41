// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "policy/base/result.h"
#include "policy/model/cluster.h"
#include "policy/question/reach.h"

namespace bulkhead::question {

// Ports that one end can, or can no longer, open at the other.
struct Change {
  PortSpan ports;
  Verdict after = Verdict::Deny;  // before it was the other one
  // The rules that decided; empty where an end is no pod.
  std::string egress_before;
  std::string ingress_before;
  std::string egress_after;
  std::string ingress_after;
  friend auto operator<=>(const Change&, const Change&) = default;
};

// Each of `from` to each of `to` (a pod never to itself) changes so.
struct PairChange {
  std::vector<std::string> from;  // "ns/pod", or outside addresses: a CIDR block or "first-last"
  std::vector<std::string> to;
  std::vector<Family> families;
  std::vector<Change> changes;
};

// What a change of files changes. Ends of equal classes in both tables are compared once, so the
// answer is exact and its cost does not grow with the number of pods alike.
struct Diff {
  std::vector<PairChange> pairs;
  std::vector<std::string> new_pods;       // only in the new files: nothing to compare with
  std::vector<std::string> vanished_pods;  // only in the old ones

  [[nodiscard]] bool is_empty() const {
    return pairs.empty() && new_pods.empty() && vanished_pods.empty();
  }
};

// Compares by the compiled tables. Fails when one cannot be made.
[[nodiscard]] Result<Diff> diff(const model::Cluster& before, const model::Cluster& after);

// {"pairs": [{"from": [..], "to": [..], "families": ["IPv4"], "changes": [{"protocol", "first",
//   "last", "before", "after", "egress_before", "ingress_before", "egress_after",
//   "ingress_after"}]}], "new_pods": [..], "vanished_pods": [..]}
[[nodiscard]] std::string to_json(const Diff& diff);
[[nodiscard]] std::string to_text(const Diff& diff);

}  // namespace bulkhead::question
