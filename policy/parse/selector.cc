// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/selector.h"

#include "policy/parse/fields.h"
#include "policy/parse/names.h"

namespace bulkhead::parse {
namespace {

using Requirement = model::LabelSelector::Requirement;
using Operator = model::LabelSelector::Operator;

std::optional<Operator> operator_of(std::string_view text) {
  if (text == "In") return Operator::In;
  if (text == "NotIn") return Operator::NotIn;
  if (text == "Exists") return Operator::Exists;
  if (text == "DoesNotExist") return Operator::DoesNotExist;
  return {};
}

void read_values(Report& report, const Node& node, const Path& path, Requirement& requirement) {
  if (!check_list(report, node, path)) return;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Path item = path.item(i);
    const auto value = read_string(report, node.items[i], item);
    if (!value) continue;
    if (const auto problem = label_value_problem(*value)) {
      report.invalid(node.items[i], item, *problem);
    }
    requirement.values.push_back(*value);
  }
}

Requirement read_requirement(Report& report, const Node& node, const Path& path) {
  Requirement requirement;
  if (!check_written_fields(report, node, path, {"key", "operator", "values"})) return requirement;

  if (const Node* key = node.find("key"); key == nullptr) {
    report.required(node, path.field("key"), "name the label to compare");
  } else if (const auto text = read_string(report, *key, path.field("key"))) {
    if (const auto problem = label_key_problem(*text)) {
      report.invalid(*key, path.field("key"), *problem);
    }
    requirement.key = *text;
  }
  if (const Node* values = node.find("values")) {
    read_values(report, *values, path.field("values"), requirement);
  }

  const Node* op = node.find("operator");
  const Path op_path = path.field("operator");
  const auto known = op != nullptr && op->is_scalar() ? operator_of(op->scalar) : std::nullopt;
  if (!known) {
    report.invalid(op != nullptr ? *op : node, op_path,
                   "not a valid selector operator; use In, NotIn, Exists or DoesNotExist");
    return requirement;
  }
  requirement.op = *known;
  const bool takes_values = *known == Operator::In || *known == Operator::NotIn;
  if (takes_values && requirement.values.empty()) {
    report.required(node, path.field("values"),
                    "must be specified when `operator` is 'In' or 'NotIn'");
  }
  if (!takes_values && !requirement.values.empty()) {
    report.forbidden(node, path.field("values"),
                     "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
  }
  return requirement;
}

}  // namespace

model::Labels read_labels(Report& report, const Node& node, const Path& path) {
  model::Labels labels;
  if (!check_map(report, node, path)) return labels;
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    const auto& key = node.keys[i];
    if (const auto problem = label_key_problem(key.name)) {
      report.add_error(
          key.line, key.column,
          fmt::format("{}: Invalid value: {}: {}", path.text(), in_quotes(key.name), *problem));
    }
    // A null value is the empty string, as it is for the API server.
    std::string value;
    if (!node.items[i].is_null()) {
      const Path at = path.field(key.name);
      const auto text = read_string(report, node.items[i], at);
      if (!text) continue;
      value = *text;
      if (const auto problem = label_value_problem(value)) {
        report.invalid(node.items[i], at, *problem);
      }
    }
    labels.emplace(key.name, std::move(value));
  }
  return labels;
}

model::LabelSelector read_selector(Report& report, const Node& node, const Path& path) {
  model::LabelSelector selector;
  if (!check_written_fields(report, node, path, {"matchLabels", "matchExpressions"}))
    return selector;
  if (const Node* labels = node.find("matchLabels")) {
    // An object's label without a value is the empty one; a selector's is one that was forgotten.
    const Path at = path.field("matchLabels");
    if (!check_values(report, *labels, at)) return selector;
    selector.match_labels = read_labels(report, *labels, at);
  }
  const Node* expressions = node.find("matchExpressions");
  const Path at = path.field("matchExpressions");
  if (expressions == nullptr || !check_list(report, *expressions, at)) return selector;
  for (std::size_t i = 0; i < expressions->items.size(); ++i) {
    selector.match_expressions.push_back(
        read_requirement(report, expressions->items[i], at.item(i)));
  }
  return selector;
}

}  // namespace bulkhead::parse
