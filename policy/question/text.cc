// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "policy/question/explain.h"
#include "policy/question/matrix.h"

namespace bulkhead::question {
namespace {

// The mark of each pair for one probe, row by row; ' ' where there is no cell.
std::vector<std::string> marks_of(const Matrix& matrix, std::size_t probe) {
  const std::size_t size = matrix.ends.size();
  std::vector<std::string> rows(size, std::string(size, ' '));
  for (const auto& cell : matrix.cells) {
    if (cell.probe != probe) continue;
    rows[cell.from][cell.to] = cell.judgement.verdict() == Verdict::Allow ? '.' : 'X';
  }
  return rows;
}

// A rule as people find it again: its id, its author's name for it, and where it is written.
std::string rule_text(const std::string& rule, const RulePlace& place) {
  std::string text = rule;
  if (!place.name.empty()) text += fmt::format(" \"{}\"", place.name);
  if (!place.where.empty()) text += fmt::format(" at {}", place.where);
  return text;
}

std::string side_text(std::string_view direction, const std::optional<oracle::Answer>& answer,
                      const RulePlace& place) {
  if (!answer) return {};
  return fmt::format("  {:<8} {:<6} {}\n", direction, name_of(answer->verdict),
                     answer->rule.empty() ? "unknown_peer" : rule_text(answer->rule, place));
}

}  // namespace

std::string to_text(const Matrix& matrix) {
  std::size_t name_width = 0;
  for (const auto& end : matrix.ends) name_width = std::max(name_width, end.name.size());
  const std::size_t number_width = std::to_string(matrix.ends.size()).size();
  std::string out = "rows talk to columns: '.' allowed, 'X' denied\n";
  for (std::size_t probe = 0; probe < matrix.probes.size(); ++probe) {
    out += fmt::format("\n{:<{}}", matrix.probes[probe].text(), number_width + name_width + 2);
    for (std::size_t i = 0; i < matrix.ends.size(); ++i) {
      out += fmt::format(" {:>{}}", i + 1, number_width);
    }
    out += '\n';
    const auto rows = marks_of(matrix, probe);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      out += fmt::format("{:>{}}  {:<{}}", i + 1, number_width, matrix.ends[i].name, name_width);
      for (const char mark : rows[i]) out += fmt::format(" {:>{}}", mark, number_width);
      out += '\n';
    }
  }
  return out;
}

std::string to_text(const Explanation& explanation) {
  std::string out = fmt::format("{}: {} -> {} {}\n",
                                explanation.verdict() == Verdict::Allow ? "ALLOWED" : "DENIED",
                                explanation.from, explanation.to, explanation.probe.text());
  out += side_text("egress", explanation.judgement.egress, explanation.egress);
  out += side_text("ingress", explanation.judgement.ingress, explanation.ingress);
  out += "path\n";
  for (const auto& line : explanation.path) out += fmt::format("  {}\n", line);
  if (!explanation.nearest.empty()) out += "nearest rules\n";
  for (const auto& near : explanation.nearest) {
    out += fmt::format("  {}: {}{}\n", rule_text(near.rule, {near.name, {}}), near.why,
                       near.where.empty() ? "" : fmt::format(" ({})", near.where));
  }
  return out;
}

}  // namespace bulkhead::question
