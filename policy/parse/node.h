// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::parse {

// One value of a YAML or JSON document with its place. Aliases are already expanded and keys are
// unique. A tree's depth is bounded by Limits::depth, so that recursion over it is.
struct Node {
  enum class Kind : std::uint8_t { Null, Scalar, Sequence, Map };
  struct Key {
    std::string name;
    std::uint32_t line = 0;
    std::uint32_t column = 0;
  };

  Kind kind = Kind::Null;
  bool is_plain = false;     // a scalar without quotes, which YAML may read as number or boolean
  std::uint32_t line = 0;    // from 1
  std::uint32_t column = 0;  // from 1, in characters
  std::string scalar;
  std::vector<Key> keys;    // of a map
  std::vector<Node> items;  // of a sequence; of a map the values, by position of `keys`

  [[nodiscard]] bool is_null() const { return kind == Kind::Null; }
  [[nodiscard]] bool is_scalar() const { return kind == Kind::Scalar; }
  [[nodiscard]] bool is_sequence() const { return kind == Kind::Sequence; }
  [[nodiscard]] bool is_map() const { return kind == Kind::Map; }

  // A map's value; null when this is no map, the key is absent or its value is null.
  [[nodiscard]] const Node* find(std::string_view name) const;
  // True when YAML 1.1, as Kubernetes reads it, takes this plain scalar for something else than a
  // string: a boolean or a number.
  [[nodiscard]] bool is_plain_non_string() const;
};

// "a map", "a list", "a string", ... for messages.
[[nodiscard]] std::string_view kind_text(const Node& node);

}  // namespace bulkhead::parse
