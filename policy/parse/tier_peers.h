// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "policy/model/policy.h"
#include "policy/parse/tiers.h"

namespace bulkhead::parse {

// NamespacedPod: `podSelector` is required, `namespaceSelector` left out or empty selects every
// namespace. Both are set in the result.
[[nodiscard]] model::PodPeer read_namespaced_pods(Report& report, const Node& node,
                                                  const Path& path);

// Appends one item of `from` or `to`: a `networks` peer becomes one CidrPeer for each of its
// blocks, `domainNames` an UnsupportedPeer, on which the rule fails closed.
void read_tier_peer(Report& report, const Node& node, const Path& path, Direction direction,
                    const TierDialect& dialect, std::vector<model::Peer>& peers);

}  // namespace bulkhead::parse
