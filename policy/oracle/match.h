// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "policy/model/cluster.h"
#include "policy/oracle/oracle.h"

namespace bulkhead::oracle {

// metav1.LabelSelector: every match label and every requirement must hold. NotIn and DoesNotExist
// hold where the key is absent.
[[nodiscard]] bool matches(const model::LabelSelector& selector, const model::Labels& labels);

// A selector on a pod's labels and its service account, which is a label only we may set.
[[nodiscard]] bool matches_pod(const model::LabelSelector& selector, const model::Pod& pod);

// A selector on a namespace's labels, kubernetes.io/metadata.name included.
[[nodiscard]] bool matches_namespace(const model::Cluster& cluster,
                                     const model::LabelSelector& selector,
                                     const std::string& namespace_name);
// The same, the namespace's object at hand; null when nobody declared it.
[[nodiscard]] bool matches_namespace(const model::Namespace* declared,
                                     const model::LabelSelector& selector,
                                     const std::string& namespace_name);

// True when `policy` selects the pod as its subject.
[[nodiscard]] bool selects(const model::Cluster& cluster, const model::Policy& policy,
                           const model::Pod& pod);

// True when the policy is evaluated and counted, never enforced.
[[nodiscard]] bool is_staged(const model::Cluster& cluster, const model::Policy& policy);

// NetworkPolicySpec.policyTypes: as written, else Ingress, and Egress only if there are egress
// rules.
[[nodiscard]] bool applies_to(const model::Policy& policy, Direction direction);

// The live pod behind a party. Host-network pods are node traffic and finished pods are no more:
// neither is a pod to any policy.
[[nodiscard]] const model::Pod* live_pod(const Party& party);

// True for an address that the cluster's pods draw from and no live pod owns.
[[nodiscard]] bool is_unknown(const model::Cluster& cluster, const Party& party);

// NetworkPolicyPeer and its like in Segments. `policy_namespace` is what a peer without a namespace
// selector means.
[[nodiscard]] bool matches_peer(const model::Cluster& cluster, const std::string& policy_namespace,
                                const model::Peer& peer, const Party& party);

// The one namespace whose pods a peer can mean, where that goes by its policy: the policy's own, if
// no namespace selector is written. Else the policy's namespace does not matter.
[[nodiscard]] std::optional<std::string> own_namespace(const std::string& policy_namespace,
                                                       const model::PodPeer& peer);

// Every address of every node that the peer selects.
[[nodiscard]] std::set<IpAddress> addresses_of_nodes(const model::Cluster& cluster,
                                                     const model::NodePeer& peer);

// The cluster DNS of the settings: an address, or a pod by namespace and labels.
[[nodiscard]] bool is_cluster_dns(const model::Cluster& cluster, const Party& party);

// The number a port name stands for on a pod: its first container port of that name and protocol.
[[nodiscard]] std::optional<std::uint16_t> named_port(const model::Pod& pod,
                                                      const std::string& name,
                                                      std::uint8_t protocol);

// NetworkPolicyPort. `destination` is the pod whose named ports count; null when it is none.
[[nodiscard]] bool matches_port(const model::PortMatch& match, const model::Pod* destination,
                                std::uint8_t protocol, std::uint16_t port);

}  // namespace bulkhead::oracle
