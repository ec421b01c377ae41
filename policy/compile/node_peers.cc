// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/node_peers.h"

#include <algorithm>

#include "policy/compile/selectors.h"
#include "policy/compile/sorted.h"

namespace bulkhead::compile {

std::vector<Prefix> node_prefixes(const model::Cluster& cluster, const model::NodePeer& peer) {
  std::vector<Prefix> prefixes;
  for (const auto& [name, node] : cluster.nodes) {
    if (!matches(peer.nodes, *node)) continue;
    for (const IpAddress& address : node->addresses) prefixes.push_back(Prefix::host(address));
  }
  sort_once(prefixes);
  return prefixes;
}

}  // namespace bulkhead::compile
