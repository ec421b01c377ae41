// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/yaml.h"
#include "policy/question/lint.h"

namespace bulkhead::question {
namespace {

bool says(const parse::Node& object, std::string_view field, std::string_view value) {
  const auto* node = object.find(field);
  return node != nullptr && node->is_scalar() && node->scalar == value;
}

std::string name_in(const parse::Node& object, std::string_view field, std::string_view otherwise) {
  const auto* metadata = object.find("metadata");
  const auto* node = metadata != nullptr ? metadata->find(field) : nullptr;
  return node != nullptr && node->is_scalar() ? node->scalar : std::string(otherwise);
}

void lint_object(std::string_view file, const parse::Node& object, std::vector<Finding>& findings) {
  if (const auto* items = object.find("items"); items != nullptr && items->is_sequence()) {
    for (const auto& item : items->items) lint_object(file, item, findings);
    return;
  }
  if (!says(object, "kind", "NetworkPolicy")) return;
  const auto* spec = object.find("spec");
  const auto* egress = spec != nullptr ? spec->find("egress") : nullptr;
  const bool is_trap = egress != nullptr && egress->is_sequence() && egress->items.empty() &&
                       spec->find("policyTypes") == nullptr;
  if (!is_trap) return;
  findings.push_back({"BL008",
                      lint_rule("BL008").severity,
                      {std::string(file), egress->line, egress->column},
                      fmt::format("NetworkPolicy/{}/{}", name_in(object, "namespace", "default"),
                                  name_in(object, "name", "")),
                      "`egress: []` without policyTypes does not close egress",
                      "write `policyTypes: [Ingress, Egress]`"});
}

}  // namespace

std::vector<Finding> lint_text(std::string_view file_name, std::string_view text) {
  std::vector<Finding> findings;
  const auto read = parse::read_documents(
      text, {}, [&](const parse::Node& document) { lint_object(file_name, document, findings); });
  // What cannot be read has been reported by policy check's reader already.
  if (!read) findings.clear();
  return findings;
}

}  // namespace bulkhead::question
