// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "policy/oracle/match.h"
#include "policy/oracle/oracle.h"

namespace bulkhead::oracle {
namespace {

// One question, spelt out.
struct Question {
  const model::Cluster& cluster;
  Direction direction;
  const model::Pod& pod;  // the subject's
  const Party& subject;
  const Party& peer;
  std::uint8_t protocol;
  std::uint16_t port;
};

enum class Staged : std::uint8_t { Ignored, Enforced };

// What a tier or a default says; nothing when it leaves the decision to the next one.
struct Outcome {
  Verdict verdict = Verdict::Deny;
  model::Tier tier = model::Tier::Default;
  std::string rule;
};
using MaybeOutcome = std::optional<Outcome>;

// "Named ports are resolved on the destination": the peer of an egress, the subject of an ingress.
const model::Pod* destination_of(const Question& q) {
  return q.direction == Direction::Egress ? live_pod(q.peer) : &q.pod;
}

// NetworkPolicyIngressRule.from, and egress' `to` alike: "Items in this list are combined using a
// logical OR operation. If this field is empty or missing, this rule matches all sources"; .ports:
// "If this field is empty or missing, this rule matches all ports (traffic not restricted by
// port)".
bool matches_rule(const Question& q, const model::Policy& policy, const model::Rule& rule) {
  const bool is_peer =
      rule.peers.empty() ||
      std::any_of(rule.peers.begin(), rule.peers.end(), [&](const model::Peer& peer) {
        return matches_peer(q.cluster, policy.namespace_name, peer, q.peer);
      });
  const bool is_port =
      rule.ports.empty() ||
      std::any_of(rule.ports.begin(), rule.ports.end(), [&](const model::PortMatch& match) {
        return matches_port(match, destination_of(q), q.protocol, q.port);
      });
  return is_peer && is_port;
}

// The policies of a tier that have the subject in this direction, in the order they are asked.
std::vector<const model::Policy*> policies_of(const Question& q, model::Tier tier, Staged staged) {
  std::vector<const model::Policy*> found;
  for (const auto& [id, policy] : q.cluster.policies) {
    const bool counts =
        policy->tier == tier && (staged == Staged::Enforced || !is_staged(q.cluster, *policy));
    if (counts && selects(q.cluster, *policy, q.pod)) found.push_back(policy.get());
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto* a, const auto* b) { return a->priority < b->priority; });
  return found;
}

// A quarantined pod: nothing in, nothing out, but the one forensic peer.
MaybeOutcome ask_quarantine(const Question& q) {
  if (!q.pod.quarantine) return {};
  const auto& forensic = q.pod.quarantine->forensic_peer;
  const bool is_forensic = forensic && q.peer.address && forensic->contains(*q.peer.address);
  return Outcome{is_forensic ? Verdict::Allow : Verdict::Deny, model::Tier::Quarantine,
                 std::string(model::kRuleQuarantine)};
}

// ClusterNetworkPolicySpec: "Policies with lower priority values have higher precedence"; "a rule
// that appears at the top ... would take the highest precedence"; "Pass: Skips all further
// ClusterNetworkPolicy rules in the current tier"; "CNPs with no ingress rules do not affect
// ingress traffic": selecting a pod isolates it from nothing.
MaybeOutcome ask_ordered_tier(const Question& q, model::Tier tier, Staged staged) {
  for (const auto* policy : policies_of(q, tier, staged)) {
    for (const auto& rule : policy->rules_of(q.direction)) {
      if (!matches_rule(q, *policy, rule)) continue;
      if (rule.action == model::RuleAction::Pass) return {};
      return Outcome{rule.action == model::RuleAction::Accept ? Verdict::Allow : Verdict::Deny,
                     tier, policy->rule_id(q.direction, rule)};
    }
  }
  return {};
}

// "A pod is isolated for egress if there is any NetworkPolicy that both selects the pod and has
// Egress in its policyTypes", and alike for ingress; "Network policies do not conflict; they are
// additive": allowed is the union of what they allow.
MaybeOutcome ask_network_policies(const Question& q, Staged staged) {
  bool is_isolated = false;
  for (const auto* policy : policies_of(q, model::Tier::NetworkPolicy, staged)) {
    if (!applies_to(*policy, q.direction)) continue;
    is_isolated = true;
    for (const auto& rule : policy->rules_of(q.direction)) {
      if (matches_rule(q, *policy, rule)) {
        return Outcome{Verdict::Allow, model::Tier::NetworkPolicy,
                       policy->rule_id(q.direction, rule)};
      }
    }
  }
  if (!is_isolated) return {};
  return Outcome{Verdict::Deny, model::Tier::NetworkPolicy, std::string(model::kRuleIsolated)};
}

// Name resolution stays possible through closed defaults, end to end: out of a closed pod to the
// cluster DNS, and into a closed DNS pod from any live pod.
bool is_dns_question(const Question& q) {
  constexpr std::uint16_t kDnsPort = 53;
  const bool is_dns_port = (q.protocol == kUdp || q.protocol == kTcp) && q.port == kDnsPort;
  if (!is_dns_port) return false;
  if (q.direction == Direction::Egress) return is_cluster_dns(q.cluster, q.peer);
  return live_pod(q.peer) != nullptr && is_cluster_dns(q.cluster, q.subject);
}

// What holds where no tier decided: the namespace's own annotation, else the node's default.
Outcome ask_defaults(const Question& q, Staged staged) {
  const auto& settings = q.cluster.settings;
  const auto found = q.cluster.namespaces.find(q.pod.key.namespace_name);
  const model::Namespace* space =
      found != q.cluster.namespaces.end() ? found->second.get() : nullptr;
  const bool is_namespace_closed =
      space != nullptr && space->default_deny && (staged == Staged::Enforced || !space->staged);
  const bool is_node_closed = settings.default_verdict == Verdict::Deny &&
                              !settings.exempt.contains(q.pod.key.namespace_name);
  if (!is_namespace_closed && !is_node_closed) {
    return {Verdict::Allow, model::Tier::Default, std::string(model::kRuleNode)};
  }
  if (settings.default_dns && is_dns_question(q)) {
    return {Verdict::Allow, model::Tier::Default, std::string(model::kRuleDns)};
  }
  return {Verdict::Deny, model::Tier::Default,
          std::string(is_namespace_closed ? model::kRuleNamespace : model::kRuleNode)};
}

Outcome ask(const Question& q, Staged staged) {
  // "A Pod cannot block access to itself."
  const auto is_self = q.peer.pod != nullptr && q.peer.pod->key == q.pod.key;
  if (is_self) return {Verdict::Allow, model::Tier::Default, std::string(model::kRuleSelf)};
  // Dropped as unknown_peer, in no rule: no CIDR opens the address of a pod that is not there, and
  // no forensic peer is one.
  if (is_unknown(q.cluster, q.peer)) return {};
  if (auto outcome = ask_quarantine(q)) return *outcome;
  // The kubelet's probes: "traffic to and from the node where a Pod is running is always allowed".
  if (q.peer.own_node && q.direction == Direction::Ingress) {
    return {Verdict::Allow, model::Tier::Default, std::string(model::kRuleOwnNode)};
  }
  if (auto outcome = ask_ordered_tier(q, model::Tier::Admin, staged)) return *outcome;
  if (auto outcome = ask_network_policies(q, staged)) return *outcome;
  if (auto outcome = ask_ordered_tier(q, model::Tier::Baseline, staged)) return *outcome;
  return ask_defaults(q, staged);
}

}  // namespace

Answer decide(const model::Cluster& cluster, Direction direction, const Party& subject,
              const Party& peer, std::uint8_t protocol, std::uint16_t port) {
  const model::Pod* pod = live_pod(subject);
  if (pod == nullptr) return {};
  const Question question{cluster, direction, *pod, subject, peer, protocol, port};
  Outcome now = ask(question, Staged::Ignored);
  Outcome then = ask(question, Staged::Enforced);
  return {now.verdict, now.tier, std::move(now.rule), then.verdict, std::move(then.rule)};
}

}  // namespace bulkhead::oracle
