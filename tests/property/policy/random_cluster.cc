// SPDX-License-Identifier: Apache-2.0
#include "tests/property/policy/random_cluster.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>

namespace bulkhead::testing {
namespace {

using model::LabelSelector;

class Maker {
 public:
  explicit Maker(Random& random) : random_(random) {}

  model::Cluster cluster() {
    settings();
    const int spaces = between(1, 4);
    for (int i = 0; i < spaces; ++i) add_namespace(name("ns", i));
    const int pods = between(1, 9);
    for (int i = 0; i < pods; ++i) add_pod(i);
    for (int i = between(0, 3); i > 0; --i) add_node(name("node", i));
    const int policies = between(0, 6);
    for (int i = 0; i < policies; ++i) add_policy(i);
    return std::move(cluster_);
  }

  IpAddress address() {
    if (chance(50)) {
      return IpAddress::v4(static_cast<std::uint8_t>(pick(std::array{10, 10, 10, 192, 0, 255})),
                           byte(), byte(), byte());
    }
    IpAddress ip{{}, Family::V6};
    ip.bytes[0] = static_cast<std::uint8_t>(pick(std::array{0xfd, 0xfd, 0x20, 0x00}));
    ip.bytes[1] = byte();
    ip.bytes[8] = byte();
    ip.bytes[15] = byte();
    return ip;
  }

 private:
  int between(int low, int high) {
    return static_cast<int>(random_() % static_cast<unsigned>(high - low + 1)) + low;
  }
  bool chance(int percent) { return between(1, 100) <= percent; }
  template <class Values>
  typename Values::value_type pick(const Values& values) {
    return values[random_() % values.size()];
  }
  std::uint8_t byte() { return static_cast<std::uint8_t>(pick(std::array{0, 1, 2, 3, 128, 255})); }
  static std::string name(const char* prefix, int i) { return prefix + std::to_string(i); }
  std::string key() { return name("k", between(0, 2)); }
  std::string value() { return name("v", between(0, 2)); }
  std::string space() { return name("ns", between(0, 4)); }  // may be one that nobody declares
  std::uint8_t protocol() { return pick(std::array{kTcp, kTcp, kUdp, kSctp}); }
  std::uint16_t port() {
    return static_cast<std::uint16_t>(
        pick(std::array{0, 1, 52, 53, 54, 79, 80, 81, 82, 255, 256, 443, 8080, 65534, 65535}));
  }

  Prefix prefix() {
    const IpAddress ip = address();
    const auto four = std::array{0u, 0u, 8u, 9u, 16u, 24u, 30u, 31u, 32u};
    const auto six = std::array{0u, 0u, 8u, 9u, 16u, 64u, 72u, 127u, 128u};
    return *Prefix::make(ip, ip.family == Family::V4 ? pick(four) : pick(six));
  }

  model::Labels labels() {
    model::Labels labels;
    for (int i = between(0, 3); i > 0; --i) labels[key()] = value();
    return labels;
  }

  LabelSelector selector() {
    LabelSelector selector;
    if (chance(25)) return selector;
    if (chance(60)) selector.match_labels[key()] = value();
    for (int i = between(0, 2); i > 0; --i) {
      LabelSelector::Requirement requirement{
          .key = key(), .op = static_cast<LabelSelector::Operator>(between(0, 3)), .values = {}};
      if (requirement.op == LabelSelector::Operator::In ||
          requirement.op == LabelSelector::Operator::NotIn) {
        for (int n = between(1, 2); n > 0; --n) requirement.values.push_back(value());
      }
      selector.match_expressions.push_back(std::move(requirement));
    }
    return selector;
  }

  LabelSelector namespace_selector() {
    if (chance(30)) return {{{model::kNamespaceNameLabel, space()}}, {}};
    return selector();
  }

  void settings() {
    auto& settings = cluster_.settings;
    settings.default_verdict = chance(50) ? Verdict::Deny : Verdict::Allow;
    if (chance(40)) settings.exempt.insert(space());
    settings.default_dns = chance(70);
    if (chance(80)) settings.pod_cidrs.push_back(*Prefix::make(IpAddress::v4(10, 0, 0, 0), 8));
    if (chance(60)) settings.pod_cidrs.push_back(*Prefix::make(v6(0xfd, 0x00), 9));
    if (chance(20)) settings.pod_cidrs.push_back(prefix());
    if (chance(40)) settings.dns_addresses.push_back(address());
    if (chance(40)) {
      settings.dns_namespace = space();
      settings.dns_pods = selector();
    }
  }

  static IpAddress v6(int first, int second) {
    IpAddress ip{{}, Family::V6};
    ip.bytes[0] = static_cast<std::uint8_t>(first);
    ip.bytes[1] = static_cast<std::uint8_t>(second);
    return ip;
  }

  void add_namespace(const std::string& space_name) {
    auto space = std::make_shared<model::Namespace>();
    space->name = space_name;
    space->labels = labels();
    space->labels[model::kNamespaceNameLabel] = space_name;
    space->default_deny = chance(20);
    space->staged = chance(15);
    cluster_.namespaces[space_name] = space;
  }

  void add_pod(int number) {
    auto pod = std::make_shared<model::Pod>();
    pod->key = {space(), name("pod", number)};
    pod->uid = name("uid", number);
    pod->labels = labels();
    if (chance(20)) pod->service_account = value();
    for (int i = between(0, 6); i > 3; --i) pod->ips.push_back(address());
    if (pod->ips.empty() && chance(80)) pod->ips.push_back(address());
    for (int i = between(0, 3); i > 0; --i) {
      pod->ports.push_back({chance(20) ? "" : name("port", between(0, 1)), protocol(), port()});
    }
    pod->host_network = chance(5);
    pod->finished = chance(5);
    if (chance(10)) {
      pod->quarantine.emplace();
      if (chance(70)) pod->quarantine->forensic_peer = prefix();
    }
    cluster_.pods[pod->key] = pod;
  }

  // Now and then with the address of a pod, or of another node.
  void add_node(const std::string& node_name) {
    auto node = std::make_shared<model::Node>();
    node->name = node_name;
    node->labels = labels();
    for (int i = between(0, 3); i > 0; --i) node->addresses.push_back(address());
    cluster_.nodes[node_name] = node;
  }

  model::Peer peer(bool is_cluster_wide) {
    switch (between(0, 10)) {
      case 0:
        return model::WorldPeer{};
      case 1:
        return model::DnsPeer{};
      case 2:
        return model::UnsupportedPeer{"domainNames"};
      case 3:
      case 4:
      case 5: {
        model::CidrPeer cidr{prefix(), {}};
        for (int i = between(0, 4); i > 2; --i) {
          const Prefix except = prefix();
          if (cidr.prefix.contains(except) && cidr.prefix != except) cidr.except.push_back(except);
        }
        return cidr;
      }
      case 6:
        return model::NodePeer{selector()};
      default: {
        model::PodPeer pods;
        if (is_cluster_wide || chance(50)) pods.namespaces = namespace_selector();
        if (chance(70)) pods.pods = selector();
        return pods;
      }
    }
  }

  model::PortMatch port_match() {
    if (chance(35)) return {protocol(), model::NamedPort{name("port", between(0, 2))}};
    if (chance(15)) return {protocol(), model::PortRange{}};
    const std::uint16_t a = port();
    const std::uint16_t b = chance(50) ? a : port();
    return {protocol(), model::PortRange{std::min(a, b), std::max(a, b)}};
  }

  std::vector<model::Rule> rules(model::Tier tier) {
    std::vector<model::Rule> rules;
    for (int i = 0, n = between(0, 3); i < n; ++i) {
      model::Rule rule;
      rule.index = std::to_string(i);
      if (tier != model::Tier::NetworkPolicy) {
        rule.action = static_cast<model::RuleAction>(between(0, 2));
      }
      for (int p = between(0, 3); p > 0; --p) {
        rule.peers.push_back(peer(tier != model::Tier::NetworkPolicy));
      }
      for (int p = between(0, chance(10) ? 12 : 3); p > 0; --p) rule.ports.push_back(port_match());
      rules.push_back(std::move(rule));
    }
    return rules;
  }

  // v1alpha1's kinds are the same tiers; its baseline goes last.
  model::PolicyKind cluster_wide_kind(model::Policy& policy) {
    if (chance(70)) return model::PolicyKind::ClusterNetworkPolicy;
    if (policy.tier == model::Tier::Admin) return model::PolicyKind::AdminNetworkPolicy;
    policy.priority = 1001;
    return model::PolicyKind::BaselineAdminNetworkPolicy;
  }

  void add_policy(int number) {
    auto policy = std::make_shared<model::Policy>();
    policy->name = name("p", number);
    policy->staged = chance(20);
    policy->subject_pods = selector();
    if (chance(35)) {
      policy->tier = chance(60) ? model::Tier::Admin : model::Tier::Baseline;
      policy->priority = between(0, 2);
      policy->kind = cluster_wide_kind(*policy);
      if (chance(70)) policy->subject_namespaces = namespace_selector();
    } else {
      policy->kind = chance(25) ? model::PolicyKind::Segment : model::PolicyKind::NetworkPolicy;
      policy->namespace_name = space();
      if (policy->kind == model::PolicyKind::Segment) {
        policy->policy_types = {Direction::Ingress, Direction::Egress};
      } else if (chance(70)) {
        policy->policy_types.emplace();
        if (chance(70)) policy->policy_types->push_back(Direction::Ingress);
        if (chance(50)) policy->policy_types->push_back(Direction::Egress);
      }
    }
    for (auto& list : policy->rules) list = rules(policy->tier);
    cluster_.policies[policy->id()] = policy;
  }

  Random& random_;
  model::Cluster cluster_;
};

}  // namespace

std::uint64_t seed_from_environment() {
  const char* text = std::getenv("BULKHEAD_SEED");
  const std::uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 0) : 20261122;
  std::cout << "BULKHEAD_SEED=" << seed << '\n';
  return seed;
}

int cases_from_environment(int usual) {
  const char* text = std::getenv("BULKHEAD_CASES");
  return text != nullptr ? std::atoi(text) : usual;
}

model::Cluster random_cluster(Random& random) { return Maker(random).cluster(); }
IpAddress random_address(Random& random) { return Maker(random).address(); }

bool has_shared_address(const model::Cluster& cluster) {
  std::set<IpAddress> seen;
  for (const auto& [key, pod] : cluster.pods) {
    if (!pod->is_live()) continue;
    for (const auto& ip : pod->ips) {
      if (!seen.insert(ip).second) return true;
    }
  }
  return false;
}

bool is_pod_address(const model::Cluster& cluster, const IpAddress& address) {
  return std::ranges::any_of(cluster.pods, [&](const auto& named) {
    return std::ranges::find(named.second->ips, address) != named.second->ips.end();
  });
}

}  // namespace bulkhead::testing
