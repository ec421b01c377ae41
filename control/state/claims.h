// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "policy/parse/objects.h"

namespace bulkhead::control::state {

using Object = std::variant<model::NamespacePtr, model::PodPtr, model::NodePtr, model::PolicyPtr>;

[[nodiscard]] const model::Origin& origin_of(const Object& object);
// Of one kind, and alike in every field: also in where each rule is written, because whoever asks
// is shown the present line.
[[nodiscard]] bool are_same(const Object& one, const Object& other);

// Something only one unit may hold: an object by kind and name, a live pod's address.
struct Claim {
  // "NetworkPolicy/db/web", "Pod/db/a", "Namespace/db", "Node/a", "address 10.0.0.1"
  std::string key;
  Object object;  // itself, or the pod that has the address
  bool is_address = false;
};

// In written order; a key twice means that the objects contradict each other.
[[nodiscard]] std::vector<Claim> claims_of(const parse::Objects& objects);

}  // namespace bulkhead::control::state
