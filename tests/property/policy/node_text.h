// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "policy/parse/node.h"

namespace bulkhead::testing {

// The tree as YAML in flow style, on one line.
[[nodiscard]] std::string node_text(const parse::Node& node);

// The way to one value: positions from the root.
using Place = std::vector<std::size_t>;

// Every value below the root, parents first.
[[nodiscard]] std::vector<Place> places_of(const parse::Node& root);
[[nodiscard]] const parse::Node& value_at(const parse::Node& root, const Place& place);
// "spec.ingress[].from[].ipBlock.cidr": indexes are left out.
[[nodiscard]] std::string name_of(const parse::Node& root, const Place& place);

// The tree with one value replaced.
[[nodiscard]] parse::Node replaced(parse::Node root, const Place& place, const parse::Node& value);
// The tree with the key of one value misspelt; the place must be that of a map's value.
[[nodiscard]] parse::Node misspelt(parse::Node root, const Place& place);
[[nodiscard]] bool has_key(const parse::Node& root, const Place& place);

}  // namespace bulkhead::testing
