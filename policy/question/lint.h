// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/model/cluster.h"

namespace bulkhead::question {

// Note: worth knowing. Warning: probably not what was meant. Error: what is written has no effect.
enum class Severity : std::uint8_t { Note, Warning, Error };
[[nodiscard]] std::string_view name_of(Severity severity);

// A kind of finding. The ids are an API: a number is never given to another meaning.
struct LintRule {
  std::string_view id;
  std::string_view name;
  Severity severity;
  std::string_view about;
};
[[nodiscard]] const std::vector<LintRule>& lint_rules();
// `id` must be one of lint_rules().
[[nodiscard]] const LintRule& lint_rule(std::string_view id);

struct Finding {
  std::string id;  // "BL001"
  Severity severity = Severity::Warning;
  model::Origin where;
  std::string object;          // a policy's or rule's id, or "Namespace/NAME"
  std::string message;         // what is the matter
  std::string mend;            // what to write instead
  std::string rule_name = {};  // what the rule's author calls it; often empty
};

// Is it wise? Reads the policies of a valid cluster against its inventory; checks that need pods
// are silent where there are none. Sorted by place, then id.
[[nodiscard]] std::vector<Finding> lint(const model::Cluster& cluster);

// What the model does not keep: `egress: []` without policyTypes. `text` is a valid policy file.
[[nodiscard]] std::vector<Finding> lint_text(std::string_view file_name, std::string_view text);

void sort(std::vector<Finding>& findings);

// {"findings": [{"id", "name", "severity", "file", "line", "column", "object", "rule_name",
//   "message", "mend"}]}
[[nodiscard]] std::string to_json(const std::vector<Finding>& findings);
// "web.yaml:3:1: warning BL001: MESSAGE; MEND", a line each.
[[nodiscard]] std::string to_text(const std::vector<Finding>& findings);

}  // namespace bulkhead::question
