// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/node.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

namespace bulkhead::parse {
namespace {

bool is_boolean_word(std::string_view text) {
  constexpr std::array kWords = {"true", "false", "yes", "no", "on", "off"};
  if (text.size() > 5) return false;
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

bool is_number(std::string text) {
  const auto first = text.front();
  const bool may_start = std::isdigit(static_cast<unsigned char>(first)) != 0 || first == '+' ||
                         first == '-' || first == '.';
  if (!may_start || text.size() > 64) return false;
  std::erase(text, '_');
  const auto digits = text.find_first_not_of("+-");
  if (digits == text.npos) return false;
  const std::string_view rest = std::string_view(text).substr(digits);
  if (rest == ".inf" || rest == ".Inf" || rest == ".INF" || rest == ".nan" || rest == ".NaN") {
    return true;
  }
  if (rest.size() > 2 && rest.front() == '0' && (rest[1] == 'b' || rest[1] == 'o')) {
    return rest.find_first_not_of("01234567", 2) == rest.npos;
  }
  char* end = nullptr;
  std::strtod(text.c_str(), &end);
  return *end == '\0' && std::any_of(text.begin(), text.end(),
                                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

}  // namespace

const Node* Node::find(std::string_view name) const {
  if (kind != Kind::Map) return nullptr;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].name == name) return items[i].is_null() ? nullptr : &items[i];
  }
  return nullptr;
}

bool Node::is_plain_non_string() const {
  if (kind != Kind::Scalar || !is_plain || scalar.empty()) return false;
  return is_boolean_word(scalar) || is_number(scalar);
}

std::string_view kind_text(const Node& node) {
  switch (node.kind) {
    case Node::Kind::Null:
      return "nothing";
    case Node::Kind::Sequence:
      return "a list";
    case Node::Kind::Map:
      return "a map";
    case Node::Kind::Scalar:
      break;
  }
  if (!node.is_plain_non_string()) return "a string";
  return is_boolean_word(node.scalar) ? "a boolean" : "a number";
}

}  // namespace bulkhead::parse
