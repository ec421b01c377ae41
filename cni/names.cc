// SPDX-License-Identifier: Apache-2.0
#include "cni/names.h"

#include <algorithm>

namespace bulkhead::cni {
namespace {

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_alphanumeric(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }
bool is_name_character(char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; }

bool is_name(std::string_view text, std::size_t longest) {
  return !text.empty() && text.size() <= longest && is_alphanumeric(text.front()) &&
         std::ranges::all_of(text, is_name_character);
}

}  // namespace

bool is_container_id(std::string_view text) { return is_name(text, 200); }

bool is_interface_name(std::string_view text) {
  return !text.empty() && text.size() <= 15 && text != "." && text != ".." &&
         std::ranges::all_of(text, is_name_character);
}

bool is_namespace_name(std::string_view text) {
  return !text.empty() && text.size() <= 63 && is_lower_or_digit(text.front()) &&
         is_lower_or_digit(text.back()) &&
         std::ranges::all_of(text, [](char c) { return is_lower_or_digit(c) || c == '-'; });
}

bool is_object_name(std::string_view text) { return is_name(text, 253); }

bool is_clean_path(std::string_view text) {
  constexpr std::size_t kLongest = 4095;
  if (text.size() < 2 || text.size() > kLongest || text.front() != '/') return false;
  if (!std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; })) return false;
  while (!text.empty()) {
    text.remove_prefix(1);
    const auto component = text.substr(0, text.find('/'));
    if (component == "." || component == "..") return false;
    text.remove_prefix(component.size());
  }
  return true;
}

}  // namespace bulkhead::cni
