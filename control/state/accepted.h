// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>
#include <string>

#include "policy/model/cluster.h"

namespace bulkhead::control::state {

// What is in force as far as sources can say, law 10 applied: each object once. A value, cheap to
// copy; an object that is the same in two versions is one in memory.
struct Accepted {
  model::SharedMap<std::string, model::NamespacePtr> namespaces;
  model::SharedMap<model::PodKey, model::PodPtr> pods;
  model::SharedMap<std::string, model::NodePtr> nodes;
  model::SharedMap<std::string, model::PolicyPtr> policies;  // by Policy::id()
  // Named by broken units that were never accepted: nothing but what accepted policies allow.
  std::set<std::string> closed_namespaces;
  // Why nothing new may be published; absent when all is well.
  std::optional<std::string> blocked;
};

}  // namespace bulkhead::control::state
