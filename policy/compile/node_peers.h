// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "policy/base/ip.h"
#include "policy/model/cluster.h"

namespace bulkhead::compile {

// What a `nodes` peer comes to: a host prefix for each address of each node whose labels the
// selector matches; ascending, each once. Empty when it matches none.
[[nodiscard]] std::vector<Prefix> node_prefixes(const model::Cluster& cluster,
                                                const model::NodePeer& peer);

}  // namespace bulkhead::compile
