// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "policy/model/cluster.h"

namespace bulkhead::parse {

// What files hold, in the order it was written. Cheap to copy: the objects are shared and const.
struct Objects {
  std::vector<model::NamespacePtr> namespaces;
  std::vector<model::PodPtr> pods;
  std::vector<model::PolicyPtr> policies;
  std::vector<model::NodePtr> nodes;

  void append(const Objects& other);
  [[nodiscard]] bool is_empty() const {
    return namespaces.empty() && pods.empty() && policies.empty() && nodes.empty();
  }
};

}  // namespace bulkhead::parse
