// SPDX-License-Identifier: Apache-2.0
#include "policy/question/tiers.h"

#include <algorithm>
#include <array>

#include "policy/oracle/match.h"

namespace bulkhead::question {
namespace {

// What the ids of the implicit rules mean, for people.
std::string_view meaning_of(std::string_view rule, Verdict verdict) {
  if (rule == model::kRuleSelf) return "a pod always reaches itself";
  if (rule == model::kRuleOwnNode) return "the pod's own node always reaches it";
  if (rule == model::kRuleQuarantine) return "the pod is quarantined";
  if (rule == model::kRuleDns) return "the cluster DNS stays open to pods closed by default";
  if (rule == model::kRuleNamespace) return "the namespace is closed by its annotation";
  if (rule.empty()) return "the address belongs to the cluster, but to no live pod (unknown_peer)";
  return verdict == Verdict::Allow ? "nothing closes it" : "everything is closed by default";
}

std::string joined_ids(const std::vector<const model::Policy*>& policies) {
  std::string text;
  for (const auto* policy : policies) {
    if (!text.empty()) text += ", ";
    text += policy->id();
  }
  return text;
}

std::vector<const model::Policy*> deciding_policies(const model::Cluster& cluster, model::Tier tier,
                                                    Direction direction, const model::Pod& pod) {
  std::vector<const model::Policy*> found;
  for (const auto& [id, policy] : cluster.policies) {
    if (policy->tier != tier || oracle::is_staged(cluster, *policy)) continue;
    if (tier == model::Tier::NetworkPolicy && !oracle::applies_to(*policy, direction)) continue;
    if (oracle::selects(cluster, *policy, pod)) found.push_back(policy.get());
  }
  return found;
}

bool matches(const model::Cluster& cluster, const model::Policy& policy, const model::Rule& rule,
             const End& peer, const model::Pod* destination, const Probe& probe) {
  const oracle::Party party{peer.pod, peer.address, false};
  const bool is_peer = rule.peers.empty() || std::ranges::any_of(rule.peers, [&](const auto& one) {
                         return oracle::matches_peer(cluster, policy.namespace_name, one, party);
                       });
  return is_peer && (rule.ports.empty() || std::ranges::any_of(rule.ports, [&](const auto& one) {
                       return oracle::matches_port(one, destination, probe.protocol, probe.port);
                     }));
}

std::string tier_line(const model::Cluster& cluster, model::Tier tier, Direction direction,
                      const End& subject, const End& peer, const Probe& probe,
                      const oracle::Answer& answer) {
  const auto policies = deciding_policies(cluster, tier, direction, *subject.pod);
  if (policies.empty()) return "no policy selects the pod";
  const bool is_network = tier == model::Tier::NetworkPolicy;
  std::string text =
      fmt::format("{} by {}", is_network ? "isolated" : "considered", joined_ids(policies));
  if (answer.tier != tier) {
    const auto pass = passing_rule(cluster, tier, direction, subject, peer, probe);
    return pass.empty() ? text + "; no rule decides" : text + "; passed on by " + pass;
  }
  if (answer.rule == model::kRuleIsolated) {
    return fmt::format("{}; no rule allows it: deny ({})", text, answer.rule);
  }
  return fmt::format("{}; {} by {}", text, name_of(answer.verdict), answer.rule);
}

}  // namespace

std::string passing_rule(const model::Cluster& cluster, model::Tier tier, Direction direction,
                         const End& subject, const End& peer, const Probe& probe) {
  auto policies = deciding_policies(cluster, tier, direction, *subject.pod);
  std::ranges::stable_sort(policies, {}, &model::Policy::priority);
  const model::Pod* destination = direction == Direction::Egress ? peer.pod : subject.pod;
  for (const auto* policy : policies) {
    for (const auto& rule : policy->rules_of(direction)) {
      if (!matches(cluster, *policy, rule, peer, destination, probe)) continue;
      const bool is_pass = rule.action == model::RuleAction::Pass;
      return is_pass ? policy->rule_id(direction, rule) : std::string();
    }
  }
  return {};
}

std::vector<std::string> tier_path(const model::Cluster& cluster, Direction direction,
                                   const End& subject, const End& peer, const Probe& probe,
                                   const oracle::Answer& answer) {
  const std::string prefix = fmt::format("{} of {}", name_of(direction), subject.pod->key.text());
  std::vector<std::string> lines;
  const bool is_before_tiers = answer.rule.empty() || answer.rule == model::kRuleSelf ||
                               answer.rule == model::kRuleOwnNode ||
                               answer.rule == model::kRuleQuarantine;
  if (!is_before_tiers) {
    constexpr std::array kTiers = {model::Tier::Admin, model::Tier::NetworkPolicy,
                                   model::Tier::Baseline};
    for (const auto tier : kTiers) {
      lines.push_back(
          fmt::format("{}: {} tier: {}", prefix, name_of(tier),
                      tier_line(cluster, tier, direction, subject, peer, probe, answer)));
      if (answer.tier == tier) break;
    }
  }
  const bool is_implicit = is_before_tiers || answer.tier == model::Tier::Default;
  if (is_implicit) {
    lines.push_back(fmt::format("{}: {}: {} ({})", prefix, name_of(answer.verdict),
                                meaning_of(answer.rule, answer.verdict),
                                answer.rule.empty() ? peer.name : answer.rule));
  }
  if (answer.staged_verdict != answer.verdict) {
    lines.push_back(fmt::format("{}: staged policies would {} it ({})", prefix,
                                name_of(answer.staged_verdict), answer.staged_rule));
  }
  return lines;
}

}  // namespace bulkhead::question
