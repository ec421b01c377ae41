// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/schema.h"

#include <algorithm>

#include "policy/parse/fields.h"

namespace bulkhead::parse {
namespace {

// Characters, not bytes: continuation bytes do not count.
std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u;
  }));
}

std::string_view plural(std::size_t most) { return most == 1 ? "item" : "items"; }

}  // namespace

const Node* find_written(const Node& node, std::string_view name) {
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    if (node.keys[i].name == name) return &node.items[i];
  }
  return nullptr;
}

bool check_items(Report& report, const Node& node, const Path& path, std::size_t least,
                 std::size_t most) {
  if (!check_list(report, node, path)) return false;
  const std::size_t count = node.items.size();
  if (count < least) {
    report.error(node, path, "Invalid value: {}: {} in body should have at least {} items", count,
                 path.text(), least);
    return false;
  }
  if (count > most) {
    report.error(node, path, "Too many: {}: must have at most {} {}", count, most, plural(most));
    return false;
  }
  return true;
}

std::optional<OnlyField> read_only_field(Report& report, const Node& node, const Path& path,
                                         std::initializer_list<std::string_view> known) {
  if (!check_fields(report, node, path, known)) return {};
  if (node.keys.empty()) {
    report.error(node, path,
                 "Invalid value: 0: {} in body should have at least 1 properties; write one of {}",
                 path.text(), fmt::join(known, ", "));
    return {};
  }
  if (node.keys.size() > 1) {
    report.error(node, path, "Too many: {}: must have at most 1 item; choose one of {}",
                 node.keys.size(), fmt::join(known, ", "));
    return {};
  }
  return OnlyField{node.keys.front().name, &node.items.front()};
}

const Node* require_field(Report& report, const Node& node, const Path& path,
                          std::string_view name) {
  const Node* value = node.find(name);
  if (value == nullptr) report.error(node, path.field(name), "Required value");
  return value;
}

std::optional<std::uint32_t> read_integer(Report& report, const Node& node, const Path& path,
                                          std::uint32_t least, std::uint32_t most) {
  const bool is_negative = node.is_scalar() && node.is_plain && node.scalar.starts_with('-') &&
                           node.is_plain_non_string();
  const auto number = plain_number(node);
  if (!number && !is_negative) {
    report.error(node, path, "Invalid value: {}: must be an integer from {} to {}, not {}",
                 node.is_scalar() ? in_quotes(node.scalar) : std::string(kind_text(node)), least,
                 most, kind_text(node));
    return {};
  }
  if (is_negative || *number < least) {
    report.error(node, path, "Invalid value: {}: {} in body should be greater than or equal to {}",
                 node.scalar, path.text(), least);
    return {};
  }
  if (*number > most) {
    report.error(node, path, "Invalid value: {}: {} in body should be less than or equal to {}",
                 node.scalar, path.text(), most);
    return {};
  }
  return static_cast<std::uint32_t>(*number);
}

bool check_length(Report& report, const Node& node, const Path& path, std::size_t most) {
  if (characters(node.scalar) <= most) return true;
  report.error(node, path, "Too long: may not be more than {} bytes", most);
  return false;
}

}  // namespace bulkhead::parse
