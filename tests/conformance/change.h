// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "policy/model/cluster.h"
#include "policy/parse/objects.h"

namespace bulkhead::conformance {

// An object is edited or deleted half-way, as the upstream suites do. `words`
// are those of the README: "ClusterNetworkPolicy/a swap egress 0 1".
struct Change {
  std::vector<std::string> words;
};

// Objects as text, added to what is there or put in the place of those with the same name, as
// `kubectl apply` does.
struct Written {
  std::string text;
};

using Edit = std::variant<Change, Written>;

// Throws std::runtime_error when a change names what is not there, or a text is broken. `file` is
// what errors name.
void apply(const Edit& edit, const std::string& file, model::Cluster& cluster);

// Adds or replaces objects.
void put(const parse::Objects& objects, model::Cluster& cluster);

}  // namespace bulkhead::conformance
