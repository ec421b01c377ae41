// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "policy/base/ip.h"
#include "policy/compile/compile.h"
#include "policy/model/cluster.h"

namespace bulkhead::bench {

// One entry of a packet classifier: what policies come to without identities. IPv4 only.
struct FlatRule {
  IpAddress subject;  // a local pod
  Prefix peer;
  std::uint8_t protocol = 0;
  model::PortRange ports;
};

// One direction of decision on this node.
struct FlatPolicy {
  std::vector<FlatRule> allowed;
  std::vector<IpAddress> isolated;  // subjects closed but for `allowed`
};

// The NetworkPolicies of the local pods, flattened the way a node without identities must: an entry
// for each subject, peer pod or block, and port. Kind to the classifier: a peer that means every
// pod is one entry, the block `pods`. Stops when there are more than `limit` entries.
[[nodiscard]] std::array<FlatPolicy, 2> flatten(const model::Cluster& cluster,
                                                const compile::LocalPods& local, const Prefix& pods,
                                                std::size_t limit);

}  // namespace bulkhead::bench
