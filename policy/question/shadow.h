// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "policy/model/cluster.h"

namespace bulkhead::question {

// An enforced rule that the Admin tier leaves nothing to decide: whomever of the pods and addresses
// of the cluster it concerns, and on whatever port, an Admin rule has answered before.
struct Shadow {
  const model::Policy* policy = nullptr;
  Direction direction = Direction::Ingress;
  const model::Rule* rule = nullptr;
  // The Admin rules that answer in its place, by place in the cluster; at least one.
  struct By {
    const model::Policy* policy = nullptr;
    const model::Rule* rule = nullptr;
  };
  std::vector<By> by;
};

// Found on the classes and port intervals of a compiled table: exact for the cluster as it is, and
// silent about a rule that concerns nobody in it. Borrows from the cluster; empty where the cluster
// cannot be compiled.
[[nodiscard]] std::vector<Shadow> find_shadows(const model::Cluster& cluster);

}  // namespace bulkhead::question
