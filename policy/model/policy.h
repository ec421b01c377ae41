// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "policy/base/ip.h"
#include "policy/base/protocol.h"
#include "policy/base/verdict.h"
#include "policy/model/labels.h"

namespace bulkhead::model {

// Where an object was written: "web.yaml:12:7". Line and column count from 1; 0 when unknown (API).
struct Origin {
  std::string file;
  std::size_t line = 0;
  std::size_t column = 0;
  [[nodiscard]] std::string text() const;
  friend bool operator==(const Origin&, const Origin&) = default;
};

// ---- ports ----
struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 65535;
  [[nodiscard]] bool contains(std::uint16_t port) const { return first <= port && port <= last; }
  friend auto operator<=>(const PortRange&, const PortRange&) = default;
};
// Resolved on each *destination* pod by (name, protocol), in both directions; no match = nothing.
struct NamedPort {
  std::string name;
  friend bool operator==(const NamedPort&, const NamedPort&) = default;
};
// One entry of `ports:`. An entry always has a protocol (default TCP); a full PortRange is "all
// ports of that protocol".
struct PortMatch {
  std::uint8_t protocol = kTcp;
  std::variant<PortRange, NamedPort> port;
  friend bool operator==(const PortMatch&, const PortMatch&) = default;
};

// ---- peers ----
// Pods. `namespaces` absent = the policy's own namespace; `pods` absent = every pod. Never matches
// nodes, host-network pods or the world.
struct PodPeer {
  std::optional<LabelSelector> namespaces;
  std::optional<LabelSelector> pods;
  friend bool operator==(const PodPeer&, const PodPeer&) = default;
};
// Any address in `prefix` and in none of `except`, pod addresses included.
struct CidrPeer {
  Prefix prefix;
  std::vector<Prefix> except;
  friend bool operator==(const CidrPeer&, const CidrPeer&) = default;
};
// Every address outside the cluster (outside cluster.pod_cidrs), both families. Segment's `world`.
struct WorldPeer {
  friend bool operator==(const WorldPeer&, const WorldPeer&) = default;
};
// The addresses or pods of Settings::dns. Segment's `dns: true`.
struct DnsPeer {
  friend bool operator==(const DnsPeer&, const DnsPeer&) = default;
};
// The addresses of the cluster's nodes whose labels match; no node matched = nothing.
struct NodePeer {
  LabelSelector nodes;
  friend bool operator==(const NodePeer&, const NodePeer&) = default;
};
// A peer this version can parse but not enforce; matches nothing (law 1).
struct UnsupportedPeer {
  std::string what;
  friend bool operator==(const UnsupportedPeer&, const UnsupportedPeer&) = default;
};
using Peer = std::variant<PodPeer, CidrPeer, WorldPeer, DnsPeer, NodePeer, UnsupportedPeer>;

// ---- rules and policies ----
enum class RuleAction : std::uint8_t { Accept, Deny, Pass };

struct Rule {
  // The last part of the rule id: the position in the written list ("0"), or the word of an implied
  // rule of a Segment ("within", "dns").
  std::string index;
  RuleAction action = RuleAction::Accept;
  // nullopt-like emptiness is semantics: empty `peers` = every peer in and out of the cluster,
  // own-node included; empty `ports` = every port of every protocol.
  std::vector<Peer> peers;
  std::vector<PortMatch> ports;
  std::string name = {};  // what the administrator calls it, to be shown beside the id; often empty
  Origin origin = {};     // of an implied rule: the field that asked for it

  // Equal rules decide alike; where they were written does not matter.
  friend bool operator==(const Rule& a, const Rule& b) {
    return std::tie(a.index, a.action, a.peers, a.ports, a.name) ==
           std::tie(b.index, b.action, b.peers, b.ports, b.name);
  }
};

enum class PolicyKind : std::uint8_t {
  NetworkPolicy,
  Segment,
  ClusterNetworkPolicy,
  AdminNetworkPolicy,          // v1alpha1, read as Admin tier
  BaselineAdminNetworkPolicy,  // v1alpha1, read as Baseline tier
};
[[nodiscard]] std::string_view name_of(PolicyKind kind);

enum class Tier : std::uint8_t { Quarantine, Admin, NetworkPolicy, Baseline, Default };
[[nodiscard]] std::string_view name_of(Tier tier);

struct Policy {
  PolicyKind kind = PolicyKind::NetworkPolicy;
  Tier tier = Tier::NetworkPolicy;
  std::int32_t priority = 0;   // Admin and Baseline tiers only; lower goes first
  std::string namespace_name;  // empty for cluster-wide kinds
  std::string name;
  bool staged = false;  // evaluated and counted, never enforced

  // Subject pods. Namespaced kinds: pods of `namespace_name` that match `subject_pods`.
  // Cluster-wide kinds: also `subject_namespaces` (absent = every namespace).
  LabelSelector subject_pods;
  std::optional<LabelSelector> subject_namespaces;

  // spec.policyTypes as written; absent when the field is. The oracle and the compiler each apply
  // the defaulting of facts.md 1.2; a Segment always has both.
  std::optional<std::vector<Direction>> policy_types;
  std::array<std::vector<Rule>, 2> rules;  // by Direction

  Origin origin;

  [[nodiscard]] const std::vector<Rule>& rules_of(Direction direction) const {
    return rules[static_cast<std::size_t>(direction)];
  }
  // "NetworkPolicy/db/web", cluster-wide kinds without the namespace.
  [[nodiscard]] std::string id() const;
  // "NetworkPolicy/db/web/ingress/0".
  [[nodiscard]] std::string rule_id(Direction direction, const Rule& rule) const;
  friend bool operator==(const Policy&, const Policy&) = default;
};
using PolicyPtr = std::shared_ptr<const Policy>;

}  // namespace bulkhead::model
