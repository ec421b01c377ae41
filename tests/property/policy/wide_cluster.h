// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "policy/compile/compile.h"
#include "policy/model/cluster.h"
#include "tests/property/policy/random_cluster.h"

namespace bulkhead::testing {

// A few hundred pods that most policies tell apart, edited at random: what small random clusters
// never reach.
class WideCluster {
 public:
  explicit WideCluster(Random& random) : random_(random) {
    cluster_.settings.pod_cidrs = {Prefix::parse("10.0.0.0/8")->prefix,
                                   Prefix::parse("fd00::/16")->prefix};
    for (int i = 0; i < kNamespaces; ++i) change_namespace(i);
    for (int i = 0; i < kNamespaces * kApps; ++i) change_pod(i);
    for (int i = 0; i < 8 * kNamespaces; ++i) change_policy();
  }

  void edit() {
    switch (below(8)) {
      case 0:
        return change_namespace(below(kNamespaces));
      case 1:
      case 2:
        return change_pod(below(kNamespaces * kApps));
      case 3:
        cluster_.pods.erase(key_of(below(kNamespaces * kApps)));
        return;
      case 4:
        for (int i = 0; i < 20; ++i) change_pod(below(kNamespaces * kApps));
        return;
      default:
        return change_policy();
    }
  }

  [[nodiscard]] const model::Cluster& cluster() const { return cluster_; }
  // The pods of a few namespaces.
  [[nodiscard]] compile::LocalPods local() {
    compile::LocalPods local(std::in_place);
    for (const auto& [key, pod] : cluster_.pods) {
      if (key.namespace_name < "ns2") local->insert(key);
    }
    return local;
  }

 private:
  static constexpr int kNamespaces = 24;
  static constexpr int kApps = 12;

  int below(int limit) { return static_cast<int>(random_() % static_cast<std::uint64_t>(limit)); }
  bool one_in(int times) { return below(times) == 0; }
  static std::string space(int i) { return fmt::format("ns{}", i); }
  static model::PodKey key_of(int i) {
    return {space(i % kNamespaces), fmt::format("pod{}", i / kNamespaces)};
  }
  static Prefix prefix(const IpAddress& address, unsigned length) {
    return *Prefix::make(address, length);
  }
  static std::uint8_t octet(int i) { return static_cast<std::uint8_t>(i); }

  void change_namespace(int i) {
    model::Namespace ns;
    ns.name = space(i);
    ns.labels = {{"kubernetes.io/metadata.name", ns.name}, {"team", std::to_string(below(5))}};
    ns.default_deny = one_in(4);
    ns.staged = one_in(3);
    cluster_.namespaces[ns.name] = std::make_shared<const model::Namespace>(ns);
  }

  void change_pod(int i) {
    model::Pod pod;
    pod.key = key_of(i);
    pod.labels = {{"app", one_in(6) ? fmt::format("app{}", below(2000))
                                    : fmt::format("app{}", i / kNamespaces)},
                  {"track", std::to_string(below(3))}};
    pod.ips = {IpAddress::v4(10, octet(i % kNamespaces), octet(i / kNamespaces), 1)};
    if (one_in(2)) {
      pod.ips.push_back(*IpAddress::parse(fmt::format("fd00::{}:{}", i % kNamespaces + 1, i + 1)));
    }
    const auto port = static_cast<std::uint16_t>(8000 + below(3));
    if (one_in(2)) pod.ports = {{.name = "web", .protocol = kTcp, .port = port}};
    if (one_in(40)) pod.quarantine.emplace();
    cluster_.pods[pod.key] = std::make_shared<const model::Pod>(pod);
  }

  model::LabelSelector selector(const char* key, int values) {
    model::LabelSelector selector;
    const std::string prefix = key == std::string("app") ? "app" : "";
    selector.match_labels[key] = prefix + std::to_string(below(values));
    return selector;
  }

  model::Peer peer() {
    const auto second = octet(below(kNamespaces));
    switch (below(5)) {
      case 0:
        return model::CidrPeer{prefix(IpAddress::v4(10, second, 0, 0), 16),
                               {prefix(IpAddress::v4(10, second, octet(below(kApps)), 0), 24)}};
      case 1:
        return model::CidrPeer{prefix(IpAddress::v4(192, second, octet(below(200)), 0), 24), {}};
      case 2:
        return model::PodPeer{.namespaces = selector("team", 5), .pods = std::nullopt};
      case 3:
        return model::PodPeer{.namespaces = model::LabelSelector{}, .pods = selector("app", kApps)};
      default:
        return model::PodPeer{.namespaces = std::nullopt, .pods = selector("track", 3)};
    }
  }

  model::Rule rule(int index) {
    model::Rule rule;
    rule.index = std::to_string(index);
    rule.action = static_cast<model::RuleAction>(below(3));
    if (!one_in(8)) {
      for (int i = 0; i <= below(3); ++i) rule.peers.push_back(peer());
    }
    for (int i = below(14); i > 0; --i) {
      const auto first = static_cast<std::uint16_t>(100 * below(100));
      rule.ports.push_back({kTcp, model::PortRange{first, static_cast<std::uint16_t>(first + 9)}});
    }
    if (one_in(3)) {
      model::PortMatch match;
      match.port = model::NamedPort{"web"};
      rule.ports.push_back(std::move(match));
    }
    return rule;
  }

  // Puts one in, another one in its place, or takes it away.
  void change_policy() {
    model::Policy policy;
    const bool is_cluster_wide = one_in(8);
    policy.name = fmt::format("policy{}", below(is_cluster_wide ? 4 : 10));
    policy.staged = one_in(6);
    if (is_cluster_wide) {
      policy.kind = model::PolicyKind::ClusterNetworkPolicy;
      policy.tier = one_in(2) ? model::Tier::Admin : model::Tier::Baseline;
      policy.priority = below(3);
      policy.subject_namespaces = selector("team", 5);
    } else {
      policy.namespace_name = space(below(kNamespaces));
      if (!one_in(3)) policy.subject_pods = selector("app", kApps);
    }
    for (auto& rules : policy.rules) {
      for (int i = below(4); i > 0; --i) rules.push_back(rule(static_cast<int>(rules.size())));
      for (auto& each : rules) {
        if (!is_cluster_wide) each.action = model::RuleAction::Accept;
      }
    }
    if (one_in(6)) {
      cluster_.policies.erase(policy.id());
    } else {
      cluster_.policies[policy.id()] = std::make_shared<const model::Policy>(policy);
    }
  }

  Random& random_;
  model::Cluster cluster_;
};

}  // namespace bulkhead::testing
