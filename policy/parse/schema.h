// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "policy/parse/report.h"

namespace bulkhead::parse {

// What the API server checks against the schema of a custom resource, in its wording
// (kube-openapi's errors as apiextensions-apiserver prints them).

// A map's value as written, null values included; null only when the key is absent.
[[nodiscard]] const Node* find_written(const Node& node, std::string_view name);

// True when the list `node` has `least` to `most` items (minItems, maxItems).
bool check_items(Report& report, const Node& node, const Path& path, std::size_t least,
                 std::size_t most);

// The one field of a union type (minProperties = maxProperties = 1). Unknown fields are errors.
struct OnlyField {
  std::string_view name;
  const Node* value = nullptr;  // may be a null node
};
[[nodiscard]] std::optional<OnlyField> read_only_field(
    Report& report, const Node& node, const Path& path,
    std::initializer_list<std::string_view> known);

// A required field's value; a null value counts as absent.
[[nodiscard]] const Node* require_field(Report& report, const Node& node, const Path& path,
                                        std::string_view name);

// An integer from `least` to `most` (minimum, maximum).
[[nodiscard]] std::optional<std::uint32_t> read_integer(Report& report, const Node& node,
                                                        const Path& path, std::uint32_t least,
                                                        std::uint32_t most);

// True when the text has at most `most` characters (maxLength).
bool check_length(Report& report, const Node& node, const Path& path, std::size_t most);

}  // namespace bulkhead::parse
