// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <fstream>
#include <iterator>
#include <ostream>

#include "control/cli/commands.h"
#include "control/cli/policy_input.h"
#include "control/cli/sarif.h"
#include "policy/question/lint.h"

namespace bulkhead::control::cli {
namespace {

using question::Finding;
using question::Severity;

// Standard input is gone by now; what only the text shows is not looked for there.
std::vector<Finding> findings_of_text(const parse::Parsed& parsed) {
  std::vector<Finding> all;
  for (const auto& file : parsed.files) {
    std::ifstream stream(file.name, std::ios::binary);
    if (!stream) continue;
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    auto found = question::lint_text(file.name, text);
    std::ranges::move(found, std::back_inserter(all));
  }
  return all;
}

void print_findings_as_sarif(const std::vector<Finding>& findings, std::ostream& out) {
  std::vector<SarifRule> rules;
  for (const auto& rule : question::lint_rules()) {
    rules.push_back({std::string(rule.id), std::string(rule.name), std::string(rule.about),
                     std::string(name_of(rule.severity))});
  }
  std::vector<SarifResult> results;
  for (const auto& finding : findings) {
    results.push_back({finding.id, std::string(name_of(finding.severity)),
                       fmt::format("{}: {}; {}", finding.object, finding.message, finding.mend),
                       finding.where.file, finding.where.line, finding.where.column});
  }
  print_sarif(out, rules, results);
}

}  // namespace

Exit run(const PolicyLint& command, const Output& output) {
  const auto parsed = read_good_files(command.input, output);
  if (!parsed) return Exit::BadInput;
  const auto cluster = build(*parsed, command.input, output);
  if (!cluster) return Exit::BadInput;
  auto findings = question::lint(*cluster);
  std::ranges::move(findings_of_text(*parsed), std::back_inserter(findings));
  sort(findings);
  const bool is_bad = std::ranges::any_of(
      findings, [](const Finding& finding) { return finding.severity != Severity::Note; });
  switch (output.format) {
    case Format::Json:
      output.out << question::to_json(findings) << '\n';
      break;
    case Format::Sarif:
      print_findings_as_sarif(findings, output.out);
      break;
    case Format::Text:
      output.out << question::to_text(findings);
      if (findings.empty()) output.out << "nothing found\n";
      break;
  }
  return is_bad ? Exit::Findings : Exit::Good;
}

}  // namespace bulkhead::control::cli
