// SPDX-License-Identifier: Apache-2.0
#include "tests/property/policy/describe.h"

namespace bulkhead::testing {
namespace {

std::string text_of(const model::Labels& labels) {
  std::string text;
  for (const auto& [key, value] : labels) text += fmt::format(" {}={}", key, value);
  return text;
}

std::string text_of(const model::LabelSelector& selector) {
  static constexpr const char* kOperators[] = {"In", "NotIn", "Exists", "DoesNotExist"};
  std::string text = text_of(selector.match_labels);
  for (const auto& requirement : selector.match_expressions) {
    text += fmt::format(" {}.{}", requirement.key,
                        kOperators[static_cast<std::size_t>(requirement.op)]);
    for (const auto& value : requirement.values) text += "," + value;
  }
  return "{" + text + " }";
}

std::string text_of(const model::Peer& peer) {
  if (const auto* pods = std::get_if<model::PodPeer>(&peer)) {
    return fmt::format("pods(ns {}, pods {})",
                       pods->namespaces ? text_of(*pods->namespaces) : "own",
                       pods->pods ? text_of(*pods->pods) : "all");
  }
  if (const auto* cidr = std::get_if<model::CidrPeer>(&peer)) {
    std::string text = cidr->prefix.text();
    for (const Prefix& except : cidr->except) text += "!" + except.text();
    return text;
  }
  if (std::holds_alternative<model::WorldPeer>(peer)) return "world";
  if (const auto* nodes = std::get_if<model::NodePeer>(&peer)) {
    return fmt::format("nodes({})", text_of(nodes->nodes));
  }
  return std::holds_alternative<model::DnsPeer>(peer) ? "dns" : "unsupported";
}

std::string text_of(const model::PortMatch& match) {
  if (const auto* range = std::get_if<model::PortRange>(&match.port)) {
    return fmt::format("{}/{}-{}", protocol_name(match.protocol), range->first, range->last);
  }
  return fmt::format("{}/{}", protocol_name(match.protocol),
                     std::get<model::NamedPort>(match.port).name);
}

std::string text_of(const model::Policy& policy) {
  std::string text = fmt::format(
      "{} tier {} priority {} staged {} subject {} ns {} types", policy.id(), name_of(policy.tier),
      policy.priority, policy.staged, text_of(policy.subject_pods),
      policy.subject_namespaces ? text_of(*policy.subject_namespaces) : "-");
  if (policy.policy_types) {
    for (const Direction type : *policy.policy_types) text += fmt::format(" {}", name_of(type));
  }
  for (const Direction direction : kDirections) {
    for (const auto& rule : policy.rules_of(direction)) {
      text += fmt::format("\n    {} {} action {} peers [", name_of(direction), rule.index,
                          static_cast<int>(rule.action));
      for (const auto& peer : rule.peers) text += text_of(peer) + "; ";
      text += "] ports [";
      for (const auto& match : rule.ports) text += text_of(match) + "; ";
      text += "]";
    }
  }
  return text;
}

}  // namespace

std::string describe(const model::Cluster& cluster) {
  const auto& settings = cluster.settings;
  std::string text =
      fmt::format("default {} dns {}:", name_of(settings.default_verdict), settings.default_dns);
  for (const auto& address : settings.dns_addresses) text += " " + address.text();
  if (settings.dns_namespace) {
    text += fmt::format(" {} {}", *settings.dns_namespace, text_of(settings.dns_pods));
  }
  for (const auto& name : settings.exempt) text += " exempt " + name;
  for (const auto& prefix : settings.pod_cidrs) text += " pods in " + prefix.text();
  for (const auto& [name, space] : cluster.namespaces) {
    text += fmt::format("\nnamespace {}:{} deny {} staged {}", name, text_of(space->labels),
                        space->default_deny, space->staged);
  }
  for (const auto& [key, pod] : cluster.pods) {
    text += fmt::format("\npod {}:{} sa {} host {} finished {}", key.text(), text_of(pod->labels),
                        pod->service_account, pod->host_network, pod->finished);
    if (pod->quarantine) {
      text += " quarantine ";
      if (pod->quarantine->forensic_peer) text += pod->quarantine->forensic_peer->text();
    }
    for (const auto& address : pod->ips) text += " " + address.text();
    for (const auto& port : pod->ports) {
      text += fmt::format(" {}:{}/{}", port.name, protocol_name(port.protocol), port.port);
    }
  }
  for (const auto& [name, node] : cluster.nodes) {
    text += fmt::format("\nnode {}:{}", name, text_of(node->labels));
    for (const auto& address : node->addresses) text += " " + address.text();
  }
  for (const auto& [id, policy] : cluster.policies) text += "\n" + text_of(*policy);
  return text;
}

}  // namespace bulkhead::testing
