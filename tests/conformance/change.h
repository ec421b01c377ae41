// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "policy/model/cluster.h"

namespace bulkhead::conformance {

// One step of a case: an object is edited or deleted half-way, as the upstream suites do. `words`
// are those of the README: "ClusterNetworkPolicy/a swap egress 0 1".
struct Change {
  std::vector<std::string> words;
};

// Throws std::runtime_error when the change names what is not there.
void apply(const Change& change, model::Cluster& cluster);

}  // namespace bulkhead::conformance
