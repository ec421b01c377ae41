// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/names.h"

#include <fmt/format.h>

#include <algorithm>

namespace bulkhead::parse {
namespace {

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_letter_or_digit(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }

bool is_dns_label(std::string_view name) {
  return !name.empty() && is_lower_or_digit(name.front()) && is_lower_or_digit(name.back()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_lower_or_digit(c) || c == '-'; });
}

bool is_dns_subdomain(std::string_view name) {
  while (true) {
    const auto dot = name.find('.');
    if (!is_dns_label(name.substr(0, dot))) return false;
    if (dot == name.npos) return true;
    name.remove_prefix(dot + 1);
  }
}

bool is_qualified_part(std::string_view name) {
  return !name.empty() && is_letter_or_digit(name.front()) && is_letter_or_digit(name.back()) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.';
         });
}

Problem too_long(std::size_t most) {
  return fmt::format("must be no more than {} characters", most);
}

}  // namespace

Problem dns_label_problem(std::string_view name) {
  if (name.size() > 63) return too_long(63);
  if (is_dns_label(name)) return {};
  return "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
         "and must start and end with an alphanumeric character (e.g. 'my-name', or '123-abc')";
}

Problem dns_subdomain_problem(std::string_view name) {
  if (name.size() > 253) return too_long(253);
  if (is_dns_subdomain(name)) return {};
  return "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "
         "or '.', and must start and end with an alphanumeric character (e.g. 'example.com')";
}

Problem label_key_problem(std::string_view key) {
  std::string_view name = key;
  if (const auto slash = key.find('/'); slash != key.npos) {
    const auto prefix = key.substr(0, slash);
    if (prefix.empty()) return "prefix part must be non-empty";
    if (const auto problem = dns_subdomain_problem(prefix)) return "prefix part " + *problem;
    name = key.substr(slash + 1);
  }
  if (name.empty()) return "name part must be non-empty";
  if (name.size() > 63) return "name part must be no more than 63 characters";
  if (is_qualified_part(name)) return {};
  return "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and "
         "end with an alphanumeric character (e.g. 'MyName', or 'my.name', or '123-abc')";
}

Problem label_value_problem(std::string_view value) {
  if (value.size() > 63) return too_long(63);
  if (value.empty() || is_qualified_part(value)) return {};
  return "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' "
         "or '.', and must start and end with an alphanumeric character (e.g. 'MyValue', or "
         "'my_value', or '12345')";
}

Problem port_name_problem(std::string_view name) {
  if (name.empty()) return "must not be empty";
  if (name.size() > 15) return too_long(15);
  if (!std::all_of(name.begin(), name.end(),
                   [](char c) { return is_lower_or_digit(c) || c == '-'; })) {
    return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
  }
  if (std::none_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; })) {
    return "must contain at least one letter (a-z)";
  }
  if (name.find("--") != name.npos) return "must not contain consecutive hyphens";
  if (name.front() == '-' || name.back() == '-') return "must not begin or end with a hyphen";
  return {};
}

bool is_reserved_key(std::string_view key) {
  const auto slash = key.find('/');
  if (slash == key.npos) return false;
  const auto prefix = key.substr(0, slash);
  return prefix == "bulkhead.io" || prefix.ends_with(".bulkhead.io");
}

}  // namespace bulkhead::parse
