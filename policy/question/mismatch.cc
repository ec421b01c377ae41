// SPDX-License-Identifier: Apache-2.0
#include "policy/question/mismatch.h"

#include <algorithm>

#include "policy/oracle/match.h"
#include "policy/question/tiers.h"

namespace bulkhead::question {
namespace {

using Faults = std::vector<std::string>;

std::string requirement_text(const model::LabelSelector::Requirement& requirement) {
  using Operator = model::LabelSelector::Operator;
  switch (requirement.op) {
    case Operator::In:
      return fmt::format("{} in ({})", requirement.key, fmt::join(requirement.values, ", "));
    case Operator::NotIn:
      return fmt::format("{} not in ({})", requirement.key, fmt::join(requirement.values, ", "));
    case Operator::Exists:
      return fmt::format("{} exists", requirement.key);
    case Operator::DoesNotExist:
      return fmt::format("{} does not exist", requirement.key);
  }
  return {};
}

// Each part of the selector that the labels do not meet.
Faults selector_faults(const model::LabelSelector& selector, const model::Labels& labels,
                       std::string_view whose) {
  Faults faults;
  for (const auto& [key, value] : selector.match_labels) {
    const auto label = labels.find(key);
    if (label == labels.end()) {
      faults.push_back(fmt::format("{} has no label {}={}", whose, key, value));
    } else if (label->second != value) {
      faults.push_back(fmt::format("{} has {}={}, not {}", whose, key, label->second, value));
    }
  }
  for (const auto& requirement : selector.match_expressions) {
    if (oracle::matches({{}, {requirement}}, labels)) continue;
    faults.push_back(fmt::format("{} does not meet '{}'", whose, requirement_text(requirement)));
  }
  return faults;
}

Faults namespace_faults(const model::Cluster& cluster, const std::string& policy_namespace,
                        const model::PodPeer& peer, const model::Pod& pod) {
  const auto& name = pod.key.namespace_name;
  if (!peer.namespaces) {
    if (name == policy_namespace) return {};
    return {fmt::format("the rule means pods of namespace {}, the peer is in {}", policy_namespace,
                        name)};
  }
  const auto wanted = peer.namespaces->match_labels.find(model::kNamespaceNameLabel);
  if (wanted != peer.namespaces->match_labels.end() && wanted->second != name) {
    return {fmt::format("the rule means namespace {}, the peer is in {}", wanted->second, name)};
  }
  const auto space = cluster.namespaces.find(name);
  if (space == cluster.namespaces.end()) return {};
  return selector_faults(*peer.namespaces, space->second->labels, "namespace " + name);
}

Faults pod_peer_faults(const model::Cluster& cluster, const std::string& policy_namespace,
                       const model::PodPeer& peer, const End& end) {
  if (end.pod == nullptr) {
    return {fmt::format("the rule means pods, {} is no pod of the cluster", end.name)};
  }
  Faults faults = namespace_faults(cluster, policy_namespace, peer, *end.pod);
  if (peer.pods) {
    auto more = selector_faults(*peer.pods, end.pod->labels, "pod " + end.pod->key.text());
    faults.insert(faults.end(), more.begin(), more.end());
  }
  return faults;
}

Faults cidr_faults(const model::CidrPeer& peer, const End& end) {
  if (!end.address) return {fmt::format("{} has no address", end.name)};
  if (peer.prefix.family() != end.address->family) {
    return {fmt::format("{} holds no {} address such as {}", peer.prefix.text(),
                        name_of(end.address->family), end.address->text())};
  }
  if (!peer.prefix.contains(*end.address)) {
    return {fmt::format("{} is not in {}", end.address->text(), peer.prefix.text())};
  }
  for (const auto& except : peer.except) {
    if (except.contains(*end.address)) {
      return {fmt::format("{} is in the exception {}", end.address->text(), except.text())};
    }
  }
  return {};
}

// The node that has the address, or that none has it.
Faults node_faults(const model::Cluster& cluster, const model::NodePeer& peer, const End& end) {
  if (!end.address) return {fmt::format("{} has no address", end.name)};
  for (const auto& [name, node] : cluster.nodes) {
    if (std::ranges::find(node->addresses, *end.address) == node->addresses.end()) continue;
    return selector_faults(peer.nodes, node->labels, "node " + name);
  }
  return {fmt::format("{} is no node's address", end.address->text())};
}

Faults peer_faults(const model::Cluster& cluster, const std::string& policy_namespace,
                   const model::Peer& peer, const End& end) {
  const oracle::Party party{end.pod, end.address, false};
  if (oracle::matches_peer(cluster, policy_namespace, peer, party)) return {};
  if (const auto* pods = std::get_if<model::PodPeer>(&peer)) {
    return pod_peer_faults(cluster, policy_namespace, *pods, end);
  }
  if (const auto* cidr = std::get_if<model::CidrPeer>(&peer)) return cidr_faults(*cidr, end);
  if (std::holds_alternative<model::WorldPeer>(peer)) {
    return {fmt::format("{} is not outside the cluster", end.name)};
  }
  if (std::holds_alternative<model::DnsPeer>(peer)) {
    return {fmt::format("{} is not the cluster DNS", end.name)};
  }
  if (const auto* nodes = std::get_if<model::NodePeer>(&peer)) {
    return node_faults(cluster, *nodes, end);
  }
  return {"the rule names a peer that this version cannot match"};
}

// A named port with the number it stands for on the destination.
std::string port_text(const model::PortMatch& match, const model::Pod* destination) {
  const auto protocol = protocol_name(match.protocol);
  if (const auto* named = std::get_if<model::NamedPort>(&match.port)) {
    const auto number = destination != nullptr
                            ? oracle::named_port(*destination, named->name, match.protocol)
                            : std::nullopt;
    return number
               ? fmt::format("{}/{} ({})", protocol, named->name, *number)
               : fmt::format("{}/{} (which the destination does not have)", protocol, named->name);
  }
  const auto& range = std::get<model::PortRange>(match.port);
  if (range == model::PortRange{}) return protocol;
  if (range.first == range.last) return fmt::format("{}/{}", protocol, range.first);
  return fmt::format("{}/{}-{}", protocol, range.first, range.last);
}

Faults port_faults(const model::Rule& rule, const model::Pod* destination, const Probe& probe) {
  if (rule.ports.empty()) return {};
  std::vector<std::string> names;
  for (const auto& match : rule.ports) {
    if (oracle::matches_port(match, destination, probe.protocol, probe.port)) return {};
    names.push_back(port_text(match, destination));
  }
  return {fmt::format("the rule allows {} only, not {}", fmt::join(names, ", "), probe.text())};
}

// The faults of the rule's best peer and its ports.
Faults rule_faults(const model::Cluster& cluster, const model::Policy& policy,
                   const model::Rule& rule, Direction direction, const End& subject,
                   const End& peer, const Probe& probe) {
  Faults best;
  for (std::size_t i = 0; i < rule.peers.size(); ++i) {
    auto faults = peer_faults(cluster, policy.namespace_name, rule.peers[i], peer);
    if (i == 0 || faults.size() < best.size()) best = std::move(faults);
  }
  const model::Pod* destination = direction == Direction::Egress ? peer.pod : subject.pod;
  auto ports = port_faults(rule, destination, probe);
  best.insert(best.end(), ports.begin(), ports.end());
  return best;
}

// Why the policy does not have the subject; empty when it does. Another namespace is no near miss.
std::optional<Faults> subject_faults(const model::Cluster& cluster, const model::Policy& policy,
                                     Direction direction, const model::Pod& pod) {
  Faults faults;
  if (policy.namespace_name.empty()) {
    if (!oracle::selects(cluster, policy, pod)) return {};
  } else {
    if (policy.namespace_name != pod.key.namespace_name) return {};
    faults = selector_faults(policy.subject_pods, pod.labels, "pod " + pod.key.text());
  }
  if (policy.tier == model::Tier::NetworkPolicy && !oracle::applies_to(policy, direction)) {
    faults.push_back(fmt::format("the policy's policyTypes do not name {}",
                                 direction == Direction::Egress ? "Egress" : "Ingress"));
  }
  if (oracle::is_staged(cluster, policy)) {
    faults.emplace_back(policy.staged ? "the policy is staged, so not enforced"
                                      : "its namespace is staged, so the policy is not enforced");
  }
  return faults;
}

}  // namespace

std::vector<Nearest> nearest_rules(const model::Cluster& cluster, Direction direction,
                                   const End& subject, const End& peer, const Probe& probe,
                                   const std::string& decided, std::size_t limit) {
  std::vector<Nearest> found;
  for (const auto& [id, policy] : cluster.policies) {
    const auto outer = subject_faults(cluster, *policy, direction, *subject.pod);
    if (!outer) continue;
    for (const auto& rule : policy->rules_of(direction)) {
      if (rule.action != model::RuleAction::Accept) continue;
      Faults faults = rule_faults(cluster, *policy, rule, direction, subject, peer, probe);
      faults.insert(faults.end(), outer->begin(), outer->end());
      if (faults.empty()) {
        const auto pass = passing_rule(cluster, policy->tier, direction, subject, peer, probe);
        faults.push_back(pass.empty() ? fmt::format("{} comes first and denies it", decided)
                                      : fmt::format("{} comes first and passes it on", pass));
      }
      found.push_back({policy->rule_id(direction, rule), fmt::format("{}", fmt::join(faults, "; ")),
                       faults.size(), rule.name, rule.origin.text()});
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Nearest& a, const Nearest& b) { return a.faults < b.faults; });
  if (found.size() > limit) found.resize(limit);
  return found;
}

}  // namespace bulkhead::question
