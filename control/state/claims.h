// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "policy/parse/objects.h"

namespace bulkhead::control::state {

// Something only one unit may hold: an object by kind and name, a live pod's address.
struct Claim {
  std::string key;  // "NetworkPolicy/db/web", "Pod/db/a", "Namespace/db", "address 10.0.0.1"
  model::Origin origin;
};

// In written order; a key twice means that the objects contradict each other.
[[nodiscard]] std::vector<Claim> claims_of(const parse::Objects& objects);

}  // namespace bulkhead::control::state
