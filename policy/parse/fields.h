// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "policy/parse/node.h"
#include "policy/parse/report.h"

namespace bulkhead::parse {

// The entry of `known` nearest to `name` by edit distance; empty when nothing is near.
[[nodiscard]] std::string_view nearest(std::string_view name,
                                       std::span<const std::string_view> known);
[[nodiscard]] inline std::string_view nearest(std::string_view name,
                                              std::initializer_list<std::string_view> known) {
  return nearest(name, std::span(known.begin(), known.size()));
}

// True when `node` is a map that holds only `known` fields. Each unknown one is an error that names
// the nearest known field: `form:` for `from:` would open everything.
bool check_fields(Report& report, const Node& node, const Path& path,
                  std::initializer_list<std::string_view> known);

// The same, and each written field must have a value. Kubernetes takes a null for an absent field,
// which in a rule means "everything"; its API server never sends one, so a `from:` with nothing
// behind it is a slip of the pen.
bool check_written_fields(Report& report, const Node& node, const Path& path,
                          std::initializer_list<std::string_view> known);

// The second half of that: false when a key of the map stands without a value.
bool check_values(Report& report, const Node& node, const Path& path);

// Each reads one value of its type or reports why it is none.
bool check_map(Report& report, const Node& node, const Path& path);
bool check_list(Report& report, const Node& node, const Path& path);
[[nodiscard]] std::optional<std::string> read_string(Report& report, const Node& node,
                                                     const Path& path);
[[nodiscard]] std::optional<bool> read_bool(Report& report, const Node& node, const Path& path);

// A decimal number without sign, leading zeros or exponent; nullopt when `node` is not written so.
[[nodiscard]] std::optional<std::uint64_t> plain_number(const Node& node);

// A port from 1 to 65535.
[[nodiscard]] std::optional<std::uint16_t> read_port(Report& report, const Node& node,
                                                     const Path& path);

}  // namespace bulkhead::parse
