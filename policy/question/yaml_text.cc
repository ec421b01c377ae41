// SPDX-License-Identifier: Apache-2.0
#include "policy/question/yaml_text.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace bulkhead::question {
namespace {

using Json = nlohmann::ordered_json;

// Text that no YAML reader, of 1.1 or 1.2, takes for anything but this text.
bool is_plain(const std::string& text) {
  constexpr std::array kWords = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_safe = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '/';
  };
  if (text.empty() || !is_letter(text.front()) || !std::ranges::all_of(text, is_safe)) return false;
  std::string lower = text;
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return std::ranges::find(kWords, lower) == kWords.end();
}

// JSON's strings are YAML's double-quoted ones.
std::string scalar(const Json& value) {
  if (value.is_string() && is_plain(value.get<std::string>())) return value.get<std::string>();
  return value.dump(-1, ' ', true, Json::error_handler_t::replace);
}

std::string key_text(const std::string& key) { return scalar(Json(key)); }

bool is_leaf(const Json& value) { return !value.is_structured() || value.empty(); }

void write(const Json& value, std::size_t indent, std::string& out);

void write_members(const Json& object, std::size_t indent, std::string& out) {
  bool is_first = true;
  for (const auto& [key, value] : object.items()) {
    // The first member of a list's item stands behind its dash.
    if (!is_first) out += std::string(indent, ' ');
    is_first = false;
    out += key_text(key) + ":";
    if (is_leaf(value)) {
      out += " " + scalar(value) + "\n";
    } else {
      out += "\n";
      write(value, value.is_array() ? indent : indent + 2, out);
    }
  }
}

void write(const Json& value, std::size_t indent, std::string& out) {
  if (value.is_object()) {
    out += std::string(indent, ' ');
    write_members(value, indent, out);
    return;
  }
  for (const auto& item : value) {
    out += std::string(indent, ' ') + "- ";
    if (item.is_object() && !item.empty()) {
      write_members(item, indent + 2, out);
    } else {
      out += scalar(item) + "\n";
    }
  }
}

}  // namespace

std::string yaml_text(const Json& object) {
  if (is_leaf(object)) return scalar(object) + "\n";
  std::string out;
  write(object, 0, out);
  return out;
}

}  // namespace bulkhead::question
