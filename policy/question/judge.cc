// SPDX-License-Identifier: Apache-2.0
#include "policy/question/judge.h"

#include <algorithm>

#include "policy/table/lookup.h"

namespace bulkhead::question {
namespace {

bool is_live(const End& end) { return end.pod != nullptr && end.pod->is_live(); }

bool is_same_pod(const End& a, const End& b) {
  return is_live(a) && is_live(b) && a.pod->key == b.pod->key;
}

// A rule id is the policy's id, a direction and an index.
const model::Policy* policy_of(const model::Cluster& cluster, const std::string& rule) {
  if (rule.starts_with("default/")) return nullptr;
  auto id = rule.substr(0, rule.rfind('/'));
  id = id.substr(0, id.rfind('/'));
  const auto policy = cluster.policies.find(id);
  return policy != cluster.policies.end() ? policy->second.get() : nullptr;
}

oracle::Answer self_answer() {
  const std::string rule(model::kRuleSelf);
  return {Verdict::Allow, model::Tier::Default, rule, Verdict::Allow, rule};
}

}  // namespace

Verdict Judgement::verdict() const {
  if (!egress && !ingress) return Verdict::Deny;
  const bool is_allowed = (!egress || egress->verdict == Verdict::Allow) &&
                          (!ingress || ingress->verdict == Verdict::Allow);
  return is_allowed ? Verdict::Allow : Verdict::Deny;
}

model::Tier tier_of(const model::Cluster& cluster, const std::string& rule) {
  if (rule == model::kRuleQuarantine) return model::Tier::Quarantine;
  if (rule == model::kRuleIsolated) return model::Tier::NetworkPolicy;
  const auto* policy = policy_of(cluster, rule);
  return policy != nullptr ? policy->tier : model::Tier::Default;
}

const model::Rule* find_rule(const model::Cluster& cluster, const std::string& rule) {
  const auto* policy = policy_of(cluster, rule);
  if (policy == nullptr) return nullptr;
  for (const auto direction : kDirections) {
    for (const auto& candidate : policy->rules_of(direction)) {
      if (policy->rule_id(direction, candidate) == rule) return &candidate;
    }
  }
  return nullptr;
}

Result<TableJudge> TableJudge::compile(const model::Cluster& cluster,
                                       const compile::LocalPods& subjects) {
  compile::Numbers numbers;
  auto compiled = compile::compile(cluster, subjects, Revision{1}, numbers);
  if (!compiled) return tl::unexpected(compiled.error());
  return open(cluster, std::make_shared<const compile::CompiledTable>(std::move(*compiled)));
}

Result<TableJudge> TableJudge::open(const model::Cluster& cluster,
                                    std::shared_ptr<const compile::CompiledTable> table) {
  auto view = table::TableView::open(table->section_bytes());
  if (!view) return tl::unexpected(view.error());
  return TableJudge(cluster, std::move(table), std::move(*view));
}

TableJudge::TableJudge(const model::Cluster& cluster,
                       std::shared_ptr<const compile::CompiledTable> compiled,
                       table::TableView view)
    : cluster_(&cluster), compiled_(std::move(compiled)), view_(std::move(view)) {
  for (const auto& [address, entry] : compiled_->addresses) {
    identities_.emplace(address, entry.identity);
  }
  for (const auto& slot : compiled_->slots) rules_.emplace(slot.slot.value, slot.rule);
}

IdentityId TableJudge::identity_of(const End& end) const {
  if (end.address) {
    const auto known = identities_.find(*end.address);
    return known != identities_.end() ? known->second : view_.outside_identity(*end.address);
  }
  if (!is_live(end)) return kUnknownIdentity;
  const auto known = compiled_->pods.find(end.pod->key);
  return known != compiled_->pods.end() ? known->second : kUnknownIdentity;
}

std::string TableJudge::rule_of(CounterSlot slot) const {
  const auto known = rules_.find(slot.value);
  return known != rules_.end() ? known->second : std::string();
}

oracle::Answer TableJudge::ask(Direction direction, const End& subject, const End& peer,
                               const Probe& probe) const {
  const table::Query query{identity_of(subject), identity_of(peer), probe.port, probe.protocol};
  table::Decision decision;
  table::lookup(view_, direction, {&query, 1}, {&decision, 1});
  oracle::Answer answer;
  answer.verdict = decision.verdict;
  answer.rule = rule_of(decision.slot);
  answer.tier = tier_of(*cluster_, answer.rule);
  answer.staged_verdict = decision.staged_verdict;
  answer.staged_rule =
      decision.staged_slot.value == 0 ? answer.rule : rule_of(decision.staged_slot);
  return answer;
}

Judgement TableJudge::judge(const End& from, const End& to, const Probe& probe) const {
  if (is_same_pod(from, to)) return {self_answer(), self_answer()};
  Judgement judgement;
  if (is_live(from)) judgement.egress = ask(Direction::Egress, from, to, probe);
  if (is_live(to)) judgement.ingress = ask(Direction::Ingress, to, from, probe);
  return judgement;
}

Judgement OracleJudge::judge(const End& from, const End& to, const Probe& probe) const {
  const oracle::Party source{from.pod, from.address, false};
  const oracle::Party destination{to.pod, to.address, false};
  Judgement judgement;
  if (is_live(from)) {
    judgement.egress = oracle::decide(*cluster_, Direction::Egress, source, destination,
                                      probe.protocol, probe.port);
  }
  if (is_live(to)) {
    judgement.ingress = oracle::decide(*cluster_, Direction::Ingress, destination, source,
                                       probe.protocol, probe.port);
  }
  return judgement;
}

}  // namespace bulkhead::question
