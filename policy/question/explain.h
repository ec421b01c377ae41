// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "policy/base/result.h"
#include "policy/question/judge.h"
#include "policy/question/mismatch.h"

namespace bulkhead::question {

// What is known of the rule that decided, beside its id.
struct RulePlace {
  std::string name;   // what its author calls it; often empty
  std::string where;  // "web.yaml:12:5"; empty for the implicit rules
};

// Why a connection is allowed or denied.
struct Explanation {
  std::string from;  // as End::name
  std::string to;
  Probe probe;
  Judgement judgement;
  RulePlace egress;
  RulePlace ingress;
  std::vector<std::string> path;  // through the tiers, a line each
  std::vector<Nearest> nearest;   // empty for what is allowed

  [[nodiscard]] Verdict verdict() const { return judgement.verdict(); }
};

// What the user asked: ends as find_end reads them.
struct ExplainOptions {
  std::string from;
  std::string to;
  Probe probe;
  std::optional<Family> family;
};

// Answers from `judge` (a table made from `cluster`), tells the way by the policies' text.
[[nodiscard]] Result<Explanation> explain(const model::Cluster& cluster, const TableJudge& judge,
                                          const ExplainOptions& options);
// Compiles the cluster first.
[[nodiscard]] Result<Explanation> explain(const model::Cluster& cluster,
                                          const ExplainOptions& options);

// design.md section 7, `policy explain -o json`. An end that is no pod has no policy: its side is
// allowed by tier "none".
[[nodiscard]] std::string to_json(const Explanation& explanation);
// A few lines for a terminal.
[[nodiscard]] std::string to_text(const Explanation& explanation);

}  // namespace bulkhead::question
