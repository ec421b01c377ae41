// SPDX-License-Identifier: Apache-2.0
#include "policy/oracle/match.h"

#include <algorithm>

namespace bulkhead::oracle {
namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

// labels.Requirement.Matches of apimachinery: In needs the key, and there is a match also when "the
// operator is DoesNotExist or NotIn and Labels does not have the Requirement's key".
bool holds(const model::LabelSelector::Requirement& requirement, const model::Labels& labels) {
  using Operator = model::LabelSelector::Operator;
  const auto label = labels.find(requirement.key);
  const bool is_present = label != labels.end();
  const bool is_listed =
      is_present && std::find(requirement.values.begin(), requirement.values.end(),
                              label->second) != requirement.values.end();
  switch (requirement.op) {
    case Operator::In:
      return is_listed;
    case Operator::NotIn:
      return !is_listed;
    case Operator::Exists:
      return is_present;
    case Operator::DoesNotExist:
      return !is_present;
  }
  return false;
}

bool is_pod_address(const model::Cluster& cluster, const IpAddress& address) {
  const auto& cidrs = cluster.settings.pod_cidrs;
  return std::any_of(cidrs.begin(), cidrs.end(),
                     [&](const Prefix& cidr) { return cidr.contains(address); });
}

// NetworkPolicyPeer: "podSelector: this selects particular Pods in the same namespace as the
// NetworkPolicy"; "namespaceSelector: ... all Pods should be allowed"; both in one entry:
// "particular Pods within particular namespaces". A cluster-wide policy has no namespace of its
// own.
bool matches_pod_peer(const model::Cluster& cluster, const std::string& policy_namespace,
                      const model::PodPeer& peer, const model::Pod* pod) {
  if (pod == nullptr) return false;
  const std::string& space = pod->key.namespace_name;
  const auto own = own_namespace(policy_namespace, peer);
  if (own && space != *own) return false;
  if (peer.namespaces && !matches_namespace(cluster, *peer.namespaces, space)) return false;
  return !peer.pods || matches_pod(*peer.pods, *pod);
}

// IPBlock: a range of addresses, but for the ranges in `except`; pods' own included, as upstream's
// tests have it, which put the addresses of pods into blocks. A family's block holds no address of
// the other. "Except values will be rejected if they are outside the cidr range", so they narrow
// this peer and no other.
bool matches_cidr(const model::CidrPeer& peer, const std::optional<IpAddress>& address) {
  if (!address || !peer.prefix.contains(*address)) return false;
  return std::none_of(peer.except.begin(), peer.except.end(),
                      [&](const Prefix& except) { return except.contains(*address); });
}

// A node's address is matched whoever answers behind it: a host-network pod, and also a pod that
// claims it.
bool matches_node(const model::Cluster& cluster, const model::NodePeer& peer,
                  const std::optional<IpAddress>& address) {
  return address && addresses_of_nodes(cluster, peer).contains(*address);
}

}  // namespace

// LabelSelector: "The result of matchLabels and matchExpressions are ANDed. An empty label selector
// matches all objects."
bool matches(const model::LabelSelector& selector, const model::Labels& labels) {
  for (const auto& [key, value] : selector.match_labels) {
    const auto label = labels.find(key);
    if (label == labels.end() || label->second != value) return false;
  }
  return std::all_of(selector.match_expressions.begin(), selector.match_expressions.end(),
                     [&](const auto& requirement) { return holds(requirement, labels); });
}

bool matches_pod(const model::LabelSelector& selector, const model::Pod& pod) {
  if (pod.service_account.empty()) return matches(selector, pod.labels);
  model::Labels labels = pod.labels;
  labels[model::kServiceAccountLabel] = pod.service_account;
  return matches(selector, labels);
}

// "The Kubernetes control plane sets an immutable label kubernetes.io/metadata.name on all
// namespaces, the value of the label is the namespace name": a namespace nobody declared has it
// too.
bool matches_namespace(const model::Cluster& cluster, const model::LabelSelector& selector,
                       const std::string& namespace_name) {
  const auto space = cluster.namespaces.find(namespace_name);
  const bool is_declared = space != cluster.namespaces.end();
  return matches_namespace(is_declared ? space->second.get() : nullptr, selector, namespace_name);
}

bool matches_namespace(const model::Namespace* declared, const model::LabelSelector& selector,
                       const std::string& namespace_name) {
  if (declared != nullptr) return matches(selector, declared->labels);
  model::Labels labels;
  labels.emplace(model::kNamespaceNameLabel, namespace_name);
  return matches(selector, labels);
}

bool selects(const model::Cluster& cluster, const model::Policy& policy, const model::Pod& pod) {
  if (!policy.namespace_name.empty()) {
    if (pod.key.namespace_name != policy.namespace_name) return false;
  } else if (policy.subject_namespaces) {
    if (!matches_namespace(cluster, *policy.subject_namespaces, pod.key.namespace_name)) {
      return false;
    }
  }
  return matches_pod(policy.subject_pods, pod);
}

// Our own annotation `bulkhead.io/mode: staged`, on a policy or on its whole namespace.
bool is_staged(const model::Cluster& cluster, const model::Policy& policy) {
  if (policy.staged) return true;
  if (policy.namespace_name.empty()) return false;
  const auto space = cluster.namespaces.find(policy.namespace_name);
  return space != cluster.namespaces.end() && space->second->staged;
}

// NetworkPolicySpec.policyTypes: "If this field is not specified, it will default based on the
// existence of ingress or egress rules; policies that contain an egress section are assumed to
// affect egress, and all policies (whether or not they contain an ingress section) are assumed to
// affect ingress." An empty section is as good as none. Rules of a direction not named have no
// effect.
bool applies_to(const model::Policy& policy, Direction direction) {
  if (policy.policy_types && !policy.policy_types->empty()) {
    return std::find(policy.policy_types->begin(), policy.policy_types->end(), direction) !=
           policy.policy_types->end();
  }
  return direction == Direction::Ingress || !policy.rules_of(Direction::Egress).empty();
}

// "NetworkPolicy behaviour for hostNetwork pods is undefined": as most plugins do, their traffic is
// the node's. Succeeded and Failed pods have ended, and their addresses may serve others; a pod
// with a deletionTimestamp is in force until it ends.
const model::Pod* live_pod(const Party& party) {
  return party.pod != nullptr && party.pod->is_live() ? party.pod : nullptr;
}

bool is_unknown(const model::Cluster& cluster, const Party& party) {
  return live_pod(party) == nullptr && !party.own_node && party.address &&
         is_pod_address(cluster, *party.address);
}

bool matches_peer(const model::Cluster& cluster, const std::string& policy_namespace,
                  const model::Peer& peer, const Party& party) {
  const model::Pod* pod = live_pod(party);
  return std::visit(
      Overloaded{
          [&](const model::PodPeer& pods) {
            return matches_pod_peer(cluster, policy_namespace, pods, pod);
          },
          [&](const model::CidrPeer& cidr) { return matches_cidr(cidr, party.address); },
          [&](const model::WorldPeer&) {
            return pod == nullptr && party.address && !is_pod_address(cluster, *party.address);
          },
          [&](const model::DnsPeer&) { return is_cluster_dns(cluster, party); },
          [&](const model::NodePeer& nodes) { return matches_node(cluster, nodes, party.address); },
          [&](const model::UnsupportedPeer&) { return false; },
      },
      peer);
}

std::optional<std::string> own_namespace(const std::string& policy_namespace,
                                         const model::PodPeer& peer) {
  if (peer.namespaces || policy_namespace.empty()) return {};
  return policy_namespace;
}

// ClusterNetworkPolicyEgressPeer.nodes: "selects the nodeIPs as the peer type by matching on the
// IPs present in the node.Status.Addresses field of the node"; "if present but empty, it selects
// all Nodes".
std::set<IpAddress> addresses_of_nodes(const model::Cluster& cluster, const model::NodePeer& peer) {
  std::set<IpAddress> addresses;
  for (const auto& [name, node] : cluster.nodes) {
    if (!matches(peer.nodes, node->labels)) continue;
    addresses.insert(node->addresses.begin(), node->addresses.end());
  }
  return addresses;
}

bool is_cluster_dns(const model::Cluster& cluster, const Party& party) {
  const auto& settings = cluster.settings;
  if (party.address && std::find(settings.dns_addresses.begin(), settings.dns_addresses.end(),
                                 *party.address) != settings.dns_addresses.end()) {
    return true;
  }
  const model::Pod* pod = live_pod(party);
  return pod != nullptr && settings.dns_namespace &&
         pod->key.namespace_name == *settings.dns_namespace && matches_pod(settings.dns_pods, *pod);
}

// ContainerPort.name: "must be an IANA_SVC_NAME and unique within the pod"; where it is not, the
// first counts, as in the kubelet.
std::optional<std::uint16_t> named_port(const model::Pod& pod, const std::string& name,
                                        std::uint8_t protocol) {
  const auto first = std::find_if(pod.ports.begin(), pod.ports.end(), [&](const auto& known) {
    return known.name == name && known.protocol == protocol;
  });
  if (first == pod.ports.end()) return {};
  return first->port;
}

// NetworkPolicyPort: a protocol always ("If not specified, this field defaults to TCP"), so that an
// item without a port is all ports of one protocol; and a port, or "the range of ports from port to
// endPort ... inclusive", a name, or none: "If this field is not provided, this matches all port
// names and numbers". A name is "a named port on a pod": on the destination's, in both
// directions.
bool matches_port(const model::PortMatch& match, const model::Pod* destination,
                  std::uint8_t protocol, std::uint16_t port) {
  if (!has_ports(protocol) || match.protocol != protocol) return false;
  if (const auto* range = std::get_if<model::PortRange>(&match.port)) return range->contains(port);
  if (destination == nullptr) return false;
  return named_port(*destination, std::get<model::NamedPort>(match.port).name, protocol) == port;
}

}  // namespace bulkhead::oracle
