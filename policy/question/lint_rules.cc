// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "policy/question/lint.h"

namespace bulkhead::question {

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::Note:
      return "note";
    case Severity::Warning:
      return "warning";
    case Severity::Error:
      return "error";
  }
  return "error";
}

const std::vector<LintRule>& lint_rules() {
  static const std::vector<LintRule> rules = {
      {"BL001", "selects-no-pod", Severity::Warning, "The policy selects no pod."},
      {"BL002", "shadowed-rule", Severity::Warning,
       "Another rule already decides everything that this rule names."},
      {"BL003", "allows-everything", Severity::Warning,
       "The rule allows every peer, in and out of the cluster, on every port."},
      {"BL004", "egress-without-dns", Severity::Warning,
       "Pods whose egress is closed cannot resolve names."},
      {"BL005", "open-namespace", Severity::Warning,
       "Pods of the namespace take connections from everywhere."},
      {"BL006", "cidr-covers-pods", Severity::Warning,
       "An address block opens pods, whose addresses change hands."},
      {"BL007", "unknown-named-port", Severity::Warning,
       "No destination pod has a port of this name and protocol."},
      {"BL008", "empty-egress-isolates-nothing", Severity::Warning,
       "`egress: []` without policyTypes does not close egress."},
      {"BL009", "egress-only-closes-ingress", Severity::Warning,
       "Without policyTypes an egress policy also closes ingress."},
      {"BL010", "ignored-rules", Severity::Error,
       "Rules of a direction that policyTypes does not name are ignored."},
      {"BL011", "open-port-to-everyone", Severity::Note,
       "The rule allows every peer, in and out of the cluster, on some ports."},
      {"BL012", "shadowed-by-admin", Severity::Warning,
       "Rules of the Admin tier decide everything that this rule names."},
      {"BL013", "staged-namespace", Severity::Note,
       "The namespace is staged: its policies and its default are not enforced."},
      {"BL014", "selects-no-node", Severity::Warning, "The rule's `nodes` peer selects no node."},
  };
  return rules;
}

const LintRule& lint_rule(std::string_view id) {
  const auto& rules = lint_rules();
  return *std::find_if(rules.begin(), rules.end(),
                       [&](const LintRule& rule) { return rule.id == id; });
}

void sort(std::vector<Finding>& findings) {
  const auto key = [](const Finding& finding) {
    return std::tie(finding.where.file, finding.where.line, finding.where.column, finding.id,
                    finding.object);
  };
  std::ranges::stable_sort(findings, [&](const auto& a, const auto& b) { return key(a) < key(b); });
}

std::string to_json(const std::vector<Finding>& findings) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const auto& finding : findings) {
    list.push_back({{"id", finding.id},
                    {"name", lint_rule(finding.id).name},
                    {"severity", name_of(finding.severity)},
                    {"file", finding.where.file},
                    {"line", finding.where.line},
                    {"column", finding.where.column},
                    {"object", finding.object},
                    {"rule_name", finding.rule_name},
                    {"message", finding.message},
                    {"mend", finding.mend}});
  }
  Json json;
  json["findings"] = std::move(list);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string to_text(const std::vector<Finding>& findings) {
  std::string out;
  for (const auto& finding : findings) {
    const std::string place = finding.where.text();
    const std::string name =
        finding.rule_name.empty() ? "" : fmt::format(" \"{}\"", finding.rule_name);
    out += fmt::format("{}{}{} {}: {}{}: {}; {}\n", place, place.empty() ? "" : ": ",
                       name_of(finding.severity), finding.id, finding.object, name, finding.message,
                       finding.mend);
  }
  return out;
}

}  // namespace bulkhead::question
