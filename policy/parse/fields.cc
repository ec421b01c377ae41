// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/fields.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <vector>

namespace bulkhead::parse {
namespace {

// Optimal string alignment: insert, delete, replace and swapped neighbours count one each.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(above.begin(), above.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

std::string_view nearest(std::string_view name, std::span<const std::string_view> known) {
  constexpr std::size_t kLongestName = 64;
  if (name.size() > kLongestName) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 2) + 1;
  for (const auto candidate : known) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = candidate;
  }
  return best;
}

bool check_fields(Report& report, const Node& node, const Path& path,
                  std::initializer_list<std::string_view> known) {
  if (!check_map(report, node, path)) return false;
  bool is_good = true;
  for (const auto& key : node.keys) {
    if (std::find(known.begin(), known.end(), key.name) != known.end()) continue;
    is_good = false;
    const auto near = nearest(key.name, known);
    const std::string place = path.text();
    const std::string inside = place.empty() ? "" : fmt::format(" in {}", place);
    if (!near.empty()) {
      report.add_error(key.line, key.column,
                       fmt::format("unknown field {}{}; did you mean \"{}\"?", in_quotes(key.name),
                                   inside, near));
    } else {
      report.add_error(key.line, key.column,
                       fmt::format("unknown field {}{}; known are {}", in_quotes(key.name), inside,
                                   fmt::join(known, ", ")));
    }
  }
  return is_good;
}

bool check_written_fields(Report& report, const Node& node, const Path& path,
                          std::initializer_list<std::string_view> known) {
  return check_fields(report, node, path, known) && check_values(report, node, path);
}

bool check_values(Report& report, const Node& node, const Path& path) {
  bool is_good = true;
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    if (!node.items[i].is_null()) continue;
    is_good = false;
    const auto& key = node.keys[i];
    report.add_error(key.line, key.column,
                     fmt::format("{}: Required value: give it a value or leave it out",
                                 path.field(key.name).text()));
  }
  return is_good;
}

bool check_map(Report& report, const Node& node, const Path& path) {
  if (node.is_map()) return true;
  report.error(node, path, "must be a map, not {}", kind_text(node));
  return false;
}

bool check_list(Report& report, const Node& node, const Path& path) {
  if (node.is_sequence()) return true;
  report.error(node, path, "must be a list, not {}", kind_text(node));
  return false;
}

std::optional<std::string> read_string(Report& report, const Node& node, const Path& path) {
  if (!node.is_scalar()) {
    report.error(node, path, "must be a string, not {}", kind_text(node));
    return {};
  }
  if (node.is_plain_non_string()) {
    report.error(node, path, "must be a string, not {}; write it in quotes: {}", kind_text(node),
                 in_quotes(node.scalar));
    return {};
  }
  return node.scalar;
}

std::optional<bool> read_bool(Report& report, const Node& node, const Path& path) {
  if (node.is_scalar() && node.is_plain) {
    if (node.scalar == "true") return true;
    if (node.scalar == "false") return false;
  }
  report.invalid(node, path, "must be true or false");
  return {};
}

std::optional<std::uint64_t> plain_number(const Node& node) {
  if (!node.is_scalar() || !node.is_plain || node.scalar.empty()) return {};
  const auto& text = node.scalar;
  if (text.size() > 1 && text.front() == '0') return {};
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

std::optional<std::uint16_t> read_port(Report& report, const Node& node, const Path& path) {
  const auto number = plain_number(node);
  if (number && *number >= 1 && *number <= 65535) return static_cast<std::uint16_t>(*number);
  report.invalid(node, path, "must be between 1 and 65535, inclusive");
  return {};
}

}  // namespace bulkhead::parse
