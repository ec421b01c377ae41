// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/split.h"

#include <algorithm>

namespace bulkhead::parse {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

bool is_marker(std::string_view line) {
  return line.starts_with("---") && line.find_first_not_of(" \t\r", 3) == line.npos;
}

bool is_blank(std::string_view text) { return text.find_first_not_of(kSpace) == text.npos; }

bool is_in_braces(std::string_view text) {
  const auto first = text.find_first_not_of(kSpace);
  return first != text.npos && text[first] == '{' && text[text.find_last_not_of(kSpace)] == '}';
}

}  // namespace

std::vector<Part> split_documents(std::string_view text) {
  std::vector<Part> parts;
  std::size_t begin = 0;
  std::uint32_t begin_line = 1;
  std::uint32_t line = 1;
  const auto add = [&](std::size_t end) {
    const auto part = text.substr(begin, end - begin);
    if (!is_blank(part)) parts.push_back({part, begin_line});
  };
  for (std::size_t at = 0; at < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (is_marker(text.substr(at, end - at))) {
      add(at);
      begin = end;
      begin_line = line;
    }
    at = end + 1;
  }
  add(text.size());
  const bool is_all_braces =
      std::all_of(parts.begin(), parts.end(), [](const Part& p) { return is_in_braces(p.text); });
  if (!is_all_braces || parts.empty()) return {{text, 1}};
  return parts;
}

}  // namespace bulkhead::parse
