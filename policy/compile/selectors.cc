// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/selectors.h"

#include <algorithm>

namespace bulkhead::compile {
namespace {

using Requirement = model::LabelSelector::Requirement;
using Operator = model::LabelSelector::Operator;

const std::string* label(const model::Labels& labels, const std::string& key) {
  const auto found = labels.find(key);
  return found == labels.end() ? nullptr : &found->second;
}

bool meets(const Requirement& requirement, const std::string* value) {
  const auto listed = [&] {
    return std::ranges::find(requirement.values, *value) != requirement.values.end();
  };
  switch (requirement.op) {
    case Operator::In:
      return value != nullptr && listed();
    case Operator::NotIn:
      return value == nullptr || !listed();
    case Operator::Exists:
      return value != nullptr;
    case Operator::DoesNotExist:
      return value == nullptr;
  }
  return false;
}

template <class LabelOf>
bool matches_labels(const model::LabelSelector& selector, const LabelOf& label_of) {
  for (const auto& [key, wanted] : selector.match_labels) {
    const std::string* value = label_of(key);
    if (value == nullptr || *value != wanted) return false;
  }
  return std::ranges::all_of(selector.match_expressions, [&](const Requirement& requirement) {
    return meets(requirement, label_of(requirement.key));
  });
}

}  // namespace

bool matches(const model::LabelSelector& selector, const model::Namespace& ns) {
  return matches_labels(selector, [&](const std::string& key) { return label(ns.labels, key); });
}

bool matches(const model::LabelSelector& selector, const model::Node& node) {
  return matches_labels(selector, [&](const std::string& key) { return label(node.labels, key); });
}

bool matches(const model::LabelSelector& selector, const model::Pod& pod) {
  return matches_labels(selector, [&](const std::string& key) {
    const bool is_account = key == model::kServiceAccountLabel && !pod.service_account.empty();
    return is_account ? &pod.service_account : label(pod.labels, key);
  });
}

std::optional<LabelTerm> required_term(const model::LabelSelector& selector) {
  if (!selector.match_labels.empty()) {
    const auto& [key, value] = *selector.match_labels.begin();
    return LabelTerm{key, value};
  }
  for (const Requirement& requirement : selector.match_expressions) {
    if (requirement.op == Operator::In && requirement.values.size() == 1) {
      return LabelTerm{requirement.key, requirement.values.front()};
    }
  }
  return std::nullopt;
}

std::string text_of(const model::LabelSelector& selector) {
  std::string text;
  for (const auto& [key, value] : selector.match_labels) {
    append_part(text, key);
    append_part(text, value);
  }
  for (const Requirement& requirement : selector.match_expressions) {
    text += static_cast<char>('0' + static_cast<int>(requirement.op));
    text += '?';
    append_part(text, requirement.key);
    for (const std::string& value : requirement.values) append_part(text, value);
    text += ';';
  }
  return text;
}

void append_part(std::string& text, std::string_view part) {
  text += std::to_string(part.size());
  text += ':';
  text += part;
}

}  // namespace bulkhead::compile
