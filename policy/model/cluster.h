// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "policy/base/ip.h"
#include "policy/base/verdict.h"
#include "policy/model/labels.h"
#include "policy/model/policy.h"
#include "policy/model/shared_map.h"

namespace bulkhead::model {

// "namespace/name". For workload templates the name is the workload's.
struct PodKey {
  std::string namespace_name;
  std::string name;
  [[nodiscard]] std::string text() const { return namespace_name + "/" + name; }
  friend auto operator<=>(const PodKey&, const PodKey&) = default;
};

struct Namespace {
  std::string name;
  // Always holds kubernetes.io/metadata.name = name (added by the parser and by view building).
  Labels labels;
  bool default_deny = false;  // annotation bulkhead.io/default: deny
  // Annotation bulkhead.io/mode: staged. Its policies and its own default are then evaluated and
  // counted, never enforced; what the whole cluster says stays in force.
  bool staged = false;
  Origin origin;
  friend bool operator==(const Namespace&, const Namespace&) = default;
};

struct ContainerPort {
  std::string name;  // empty when unnamed
  std::uint8_t protocol = kTcp;
  std::uint16_t port = 0;
  friend bool operator==(const ContainerPort&, const ContainerPort&) = default;
};

// Cuts a pod off: nothing in, nothing out, but one named forensic peer.
struct Quarantine {
  std::optional<Prefix> forensic_peer;
  std::string who;
  std::string why;
  std::string until;  // RFC 3339, empty = until released
  friend bool operator==(const Quarantine&, const Quarantine&) = default;
};

struct Pod {
  PodKey key;
  std::string uid;
  std::string kind = "Pod";  // or the workload kind of a template
  Labels labels;
  std::string service_account;
  std::vector<IpAddress> ips;  // first = the address it speaks with; empty for templates
  std::vector<ContainerPort> ports;
  bool host_network = false;  // node traffic: never matches a pod selector
  bool finished = false;      // Succeeded or Failed: leaves every set at once
  std::optional<Quarantine> quarantine;
  Origin origin;

  // Takes part in policies: neither host-network nor finished.
  [[nodiscard]] bool is_live() const { return !host_network && !finished; }
  friend bool operator==(const Pod&, const Pod&) = default;
};
// A v1 Node, as far as a `nodes` peer asks. Which node runs us is not told by its object.
struct Node {
  std::string name;
  Labels labels;
  std::vector<IpAddress> addresses;  // the IP addresses of status.addresses, each once
  Origin origin;
  friend bool operator==(const Node&, const Node&) = default;
};

using NodePtr = std::shared_ptr<const Node>;
using NamespacePtr = std::shared_ptr<const Namespace>;
using PodPtr = std::shared_ptr<const Pod>;

// What configuration says, as far as policy depends on it.
struct Settings {
  Verdict default_verdict = Verdict::Allow;  // config `default`; offline: plain Kubernetes
  std::set<std::string> exempt;              // namespaces whose own pods `deny` does not close
  bool default_dns = true;                   // cluster.dns stays open to pods closed by the default
  std::vector<Prefix> pod_cidrs;
  // cluster.dns: addresses, or pods by namespace and labels; both may be empty.
  std::vector<IpAddress> dns_addresses;
  std::optional<std::string> dns_namespace;
  LabelSelector dns_pods;
  friend bool operator==(const Settings&, const Settings&) = default;
};

// Everything a compile or an oracle answer depends on; a value, cheap to copy (shared const parts).
// A namespace that a pod or policy names and nobody declares is present with its name label.
struct Cluster {
  Settings settings;
  SharedMap<std::string, NamespacePtr> namespaces;
  SharedMap<PodKey, PodPtr> pods;
  SharedMap<std::string, PolicyPtr> policies;  // by Policy::id()
  SharedMap<std::string, NodePtr> nodes;
};

// The policies' rule ids of the implicit rules (design.md section 1).
inline constexpr std::string_view kRuleIsolated = "default/isolated";
inline constexpr std::string_view kRuleNode = "default/node";  // the node-wide `default`
inline constexpr std::string_view kRuleNamespace = "default/namespace";
inline constexpr std::string_view kRuleDns = "default/dns";
inline constexpr std::string_view kRuleOwnNode = "default/own-node";
inline constexpr std::string_view kRuleSelf = "default/self";
inline constexpr std::string_view kRuleQuarantine = "default/quarantine";

}  // namespace bulkhead::model
