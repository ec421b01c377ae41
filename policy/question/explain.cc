// SPDX-License-Identifier: Apache-2.0
#include "policy/question/explain.h"

#include <set>

#include "policy/question/tiers.h"

namespace bulkhead::question {
namespace {

constexpr std::size_t kNearestLimit = 5;

RulePlace place_of(const model::Cluster& cluster, const std::optional<oracle::Answer>& answer) {
  const auto* rule = answer ? find_rule(cluster, answer->rule) : nullptr;
  return rule != nullptr ? RulePlace{rule->name, rule->origin.text()} : RulePlace{};
}

void add_direction(Explanation& explanation, const model::Cluster& cluster, Direction direction,
                   const End& subject, const End& peer,
                   const std::optional<oracle::Answer>& answer) {
  if (!answer) {
    explanation.path.push_back(fmt::format("{} of {}: not a pod, no policy here concerns it",
                                           name_of(direction), subject.name));
    return;
  }
  auto lines = tier_path(cluster, direction, subject, peer, explanation.probe, *answer);
  explanation.path.insert(explanation.path.end(), lines.begin(), lines.end());
  if (answer->verdict == Verdict::Allow) return;
  // What is dropped before the tiers no rule could have allowed.
  if (answer->rule.empty() || answer->tier == model::Tier::Quarantine) return;
  auto nearest = nearest_rules(cluster, direction, subject, peer, explanation.probe, answer->rule,
                               kNearestLimit);
  explanation.nearest.insert(explanation.nearest.end(), nearest.begin(), nearest.end());
}

struct Ends {
  End from;
  End to;
};

Result<Ends> find_ends(const model::Cluster& cluster, const ExplainOptions& options) {
  auto from = find_end(cluster, options.from, options.family);
  if (!from) return in_context("from", from.error());
  auto to = find_end(cluster, options.to, options.family);
  if (!to) return in_context("to", to.error());
  if (from->pod == nullptr && to->pod == nullptr) {
    return fail("neither {} nor {} is a pod: no policy here decides about them", from->name,
                to->name);
  }
  return Ends{std::move(*from), std::move(*to)};
}

Explanation explain(const model::Cluster& cluster, const TableJudge& judge, const Ends& ends,
                    const Probe& probe) {
  const auto& [from, to] = ends;
  Explanation explanation;
  explanation.from = from.name;
  explanation.to = to.name;
  explanation.probe = probe;
  explanation.judgement = judge.judge(from, to, probe);
  explanation.egress = place_of(cluster, explanation.judgement.egress);
  explanation.ingress = place_of(cluster, explanation.judgement.ingress);
  add_direction(explanation, cluster, Direction::Egress, from, to, explanation.judgement.egress);
  add_direction(explanation, cluster, Direction::Ingress, to, from, explanation.judgement.ingress);
  return explanation;
}

}  // namespace

Result<Explanation> explain(const model::Cluster& cluster, const TableJudge& judge,
                            const ExplainOptions& options) {
  const auto ends = find_ends(cluster, options);
  if (!ends) return tl::unexpected(ends.error());
  return explain(cluster, judge, *ends, options.probe);
}

Result<Explanation> explain(const model::Cluster& cluster, const ExplainOptions& options) {
  const auto ends = find_ends(cluster, options);
  if (!ends) return tl::unexpected(ends.error());
  std::set<model::PodKey> subjects;
  for (const auto* pod : {ends->from.pod, ends->to.pod}) {
    if (pod != nullptr) subjects.insert(pod->key);
  }
  const auto judge = TableJudge::compile(cluster, subjects);
  if (!judge) return tl::unexpected(judge.error());
  return explain(cluster, *judge, *ends, options.probe);
}

}  // namespace bulkhead::question
