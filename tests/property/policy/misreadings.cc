// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tests/property/policy/broken_compile.h"
#include "tests/unit/policy/compile/cluster_builder.h"

namespace bulkhead::testing {
namespace {

using model::Cluster;
using model::LabelSelector;
using model::Policy;
using model::Rule;
using model::RuleAction;

constexpr Direction kIn = Direction::Ingress;
constexpr Direction kOut = Direction::Egress;
const std::string kDatabase = "NetworkPolicy/db/database";
const std::string kSecond = "NetworkPolicy/db/second";
const std::string kCache = "NetworkPolicy/db/cache";
const std::string kFrontend = "NetworkPolicy/web/frontend";
const std::string kAdmin = "NetworkPolicy/web/admin";
const std::string kTrial = "NetworkPolicy/open/try";

// The misreading of one shared object: everybody else's stays what it is.
template <class Map, class Key>
auto& own_copy(Map& map, const Key& key) {
  using Object = std::remove_const_t<typename Map::mapped_type::element_type>;
  auto copy = std::make_shared<Object>(*map.at(key));
  map.at(key) = copy;
  return *copy;
}
std::function<void(Cluster&)> in_policy(const std::string& id,
                                        std::function<void(Policy&)> change) {
  return [=](Cluster& cluster) { change(own_copy(cluster.policies, id)); };
}
std::function<void(Cluster&)> in_rule(const std::string& id, Direction direction, std::size_t index,
                                      std::function<void(Rule&)> change) {
  return in_policy(id, [=](Policy& policy) {
    change(policy.rules[static_cast<std::size_t>(direction)][index]);
  });
}
std::function<void(Cluster&)> in_pod(const std::string& space, const std::string& name,
                                     std::function<void(model::Pod&)> change) {
  return [=](Cluster& cluster) { change(own_copy(cluster.pods, model::PodKey{space, name})); };
}
std::function<void(Cluster&)> in_space(const std::string& name,
                                       std::function<void(model::Namespace&)> change) {
  return [=](Cluster& cluster) { change(own_copy(cluster.namespaces, name)); };
}
std::function<void(Cluster&)> in_node(const std::string& name,
                                      std::function<void(model::Node&)> change) {
  return [=](Cluster& cluster) { change(own_copy(cluster.nodes, name)); };
}
std::function<void(Rule&)> ports(std::vector<model::PortMatch> instead) {
  return [=](Rule& rule) { rule.ports = instead; };
}
std::function<void(Rule&)> peers(std::vector<model::Peer> instead) {
  return [=](Rule& rule) { rule.peers = instead; };
}
std::function<void(Rule&)> action(RuleAction instead) {
  return [=](Rule& rule) { rule.action = instead; };
}
model::CidrPeer block(std::string_view prefix, std::vector<Prefix> except = {}) {
  return {cidr(prefix), std::move(except)};
}
model::PortMatch udp(std::uint16_t first, std::uint16_t last) {
  return {kUdp, model::PortRange{first, last}};
}
LabelSelector requirement(const std::string& key, LabelSelector::Operator op) {
  return {.match_labels = {}, .match_expressions = {{key, op, {}}}};
}

std::vector<BrokenCompile> prefixes() {
  const auto the_block = [](std::vector<model::Peer> instead) {
    return in_rule(kDatabase, kIn, 1, peers(std::move(instead)));
  };
  return {
      {"except is lost", the_block({block("192.0.0.0/16")})},
      {"except is one bit too long", the_block({block("192.0.0.0/16", {cidr("192.0.9.0/25")})})},
      {"except is one bit too short", the_block({block("192.0.0.0/16", {cidr("192.0.8.0/23")})})},
      {"except is what is allowed", the_block({block("192.0.9.0/24")})},
      {"block is one bit too short", the_block({block("192.0.0.0/15", {cidr("192.0.9.0/24")})})},
      {"block is one bit too long", the_block({block("192.0.0.0/17", {cidr("192.0.9.0/24")})})},
      {"an IPv4 block opens IPv6 too",
       the_block({block("192.0.0.0/16", {cidr("192.0.9.0/24")}), block("::/0")})},
      {"::/0 is read as 0.0.0.0/0", in_rule(kCache, kOut, 1, peers({block("0.0.0.0/0")}))},
      {"::/0 leaves out the pods",
       in_rule(kCache, kOut, 1, peers({block("::/0", {cidr("fd00::/16")})}))},
      {"the world holds pods", in_rule(kAdmin, kIn, 0, peers({block("0.0.0.0/0"), block("::/0")}))},
      {"addresses of no pod are the world",
       [](Cluster& cluster) { cluster.settings.pod_cidrs.pop_back(); }},
  };
}

std::vector<BrokenCompile> ports_and_names() {
  return {
      {"a port reaches one too low", in_rule(kDatabase, kIn, 1, ports({tcp(3305, 3306)}))},
      {"a port reaches one too high", in_rule(kDatabase, kIn, 1, ports({tcp(3306, 3307)}))},
      {"a range begins one late", in_rule(kDatabase, kIn, 2, ports({udp(5001, 6000)}))},
      {"a range ends one early", in_rule(kDatabase, kIn, 2, ports({udp(5000, 5999)}))},
      {"endPort is ignored", in_rule(kDatabase, kIn, 2, ports({udp(5000, 5000)}))},
      {"UDP is read as TCP", in_rule(kDatabase, kIn, 2, ports({tcp(5000, 6000)}))},
      {"ports are lost", in_rule(kDatabase, kIn, 1, ports({}))},
      {"all TCP is read as everything", in_rule(kAdmin, kIn, 0, ports({}))},
      {"all TCP lacks the last port", in_rule(kAdmin, kIn, 0, ports({tcp(0, 65534)}))},
      {"a named port is another pod's (ingress)",
       in_rule(kDatabase, kIn, 0, ports({tcp(3306), tcp(9100)}))},
      {"a named port is another pod's (egress)", in_rule(kCache, kOut, 0, ports({tcp(9200)}))},
      {"a named port is of the other protocol",
       in_rule(kDatabase, kIn, 0, ports({tcp(3306), named("metrics", kUdp)}))},
      {"a named port is lost", in_rule(kDatabase, kIn, 0, ports({tcp(3306)}))},
      {"a named port opens every port", in_rule(kCache, kOut, 0, ports({}))},
  };
}

std::vector<BrokenCompile> peers_and_selectors() {
  const LabelSelector web_space = {.match_labels = {{model::kNamespaceNameLabel, "web"}},
                                   .match_expressions = {}};
  const LabelSelector labelled = requirement("app", LabelSelector::Operator::Exists);
  return {
      {"namespace and pod selector are OR",
       in_rule(
           kDatabase, kIn, 0,
           peers({model::PodPeer{web_space, {}}, model::PodPeer{LabelSelector{}, app("web")}}))},
      {"a namespace selector is lost", in_rule(kDatabase, kIn, 0, peers({pods(app("web"))}))},
      {"a pod selector is lost",
       in_rule(kDatabase, kIn, 0, peers({model::PodPeer{web_space, {}}}))},
      {"own namespace means every namespace",
       in_rule(kSecond, kIn, 0, peers({model::PodPeer{LabelSelector{}, LabelSelector{}}}))},
      {"NotIn needs the key",
       in_rule(kSecond, kIn, 0,
               [=](Rule& rule) {
                 auto& selector = *std::get<model::PodPeer>(rule.peers[0]).pods;
                 selector.match_expressions.push_back(labelled.match_expressions[0]);
               })},
      {"DoesNotExist is read as Exists", in_rule(kSecond, kIn, 1, peers({pods(labelled)}))},
      {"a service account is forgotten",
       in_pod("web", "web", [](model::Pod& pod) { pod.service_account.clear(); })},
      {"labels grant a service account",
       in_pod("web", "admin", [](model::Pod& pod) { pod.service_account = "frontend"; })},
      {"an empty from is nobody",
       in_rule(kAdmin, kIn, 1, peers({model::UnsupportedPeer{"nobody"}}))},
      {"an unknown kind of peer is everybody", in_rule(kDatabase, kIn, 3, peers({}))},
      {"the DNS is nobody", in_rule(kFrontend, kOut, 1, peers({model::UnsupportedPeer{"nobody"}}))},
      {"a pod's labels are old",
       in_pod("db", "bare", [](model::Pod& pod) { pod.labels["app"] = "db"; })},
      {"a namespace's labels are old",
       in_space("web", [](model::Namespace& ns) { ns.labels[model::kNamespaceNameLabel] = "x"; })},
      {"a finished pod stays", in_pod("db", "done", [](model::Pod& pod) { pod.finished = false; })},
      {"a host-network pod is a pod",
       in_pod("db", "host", [](model::Pod& pod) { pod.host_network = false; })},
      {"a pod's second address is lost",
       in_pod("db", "db", [](model::Pod& pod) { pod.ips.pop_back(); })},
      {"a pod has another's address",
       in_pod("db", "bare", [](model::Pod& pod) { pod.ips[0] = ip("10.0.0.3"); })},
  };
}

std::vector<BrokenCompile> nodes() {
  const std::string policy = "ClusterNetworkPolicy/nodes";
  return {
      {"a node selector is ignored",
       in_rule(policy, kOut, 0, peers({model::NodePeer{LabelSelector{}}}))},
      {"a nodes peer is nobody",
       in_rule(policy, kOut, 0, peers({model::UnsupportedPeer{"nodes"}}))},
      {"a nodes peer is the world", in_rule(policy, kOut, 0, peers({model::WorldPeer{}}))},
      {"a node's address is of the other family",
       in_node("forest", [](model::Node& node) { node.addresses[0] = ip("64:ff9b::c000:265"); })},
      {"a node has its IPv4 address only",
       in_node("forest", [](model::Node& node) { node.addresses.pop_back(); })},
      {"a node's Hostname is an address",
       in_node("forest", [](model::Node& node) { node.addresses.push_back(ip("203.0.113.7")); })},
      {"a node's labels are old",
       in_node("castle", [](model::Node& node) { node.labels["kubernetes.io/os"] = "linux"; })},
      {"a node's address is old",
       in_node("castle", [](model::Node& node) { node.addresses[0] = ip("192.0.2.104"); })},
      {"a node that came is not followed", [](Cluster& cluster) { cluster.nodes.erase("forest"); }},
      {"a node that went is not followed",
       [](Cluster& cluster) {
         auto gone = std::make_shared<model::Node>(*cluster.nodes.at("forest"));
         gone->addresses = {ip("192.0.2.104")};
         cluster.nodes.emplace("gone", gone);
       }},
      {"a node's address that a pod has is no node's",
       in_node("lake", [](model::Node& node) { node.addresses.pop_back(); })},
  };
}

std::vector<BrokenCompile> staging() {
  return {
      {"a staged policy is enforced",
       in_policy(kTrial, [](Policy& policy) { policy.staged = false; })},
      {"a staged policy is not evaluated",
       [](Cluster& cluster) { cluster.policies.erase(kTrial); }},
      {"an enforced policy is staged",
       in_policy(kDatabase, [](Policy& policy) { policy.staged = true; })},
      {"a staged namespace's policy is enforced",
       in_space("rehearsal", [](model::Namespace& ns) { ns.staged = false; })},
      {"a staged namespace's policy is not evaluated",
       [](Cluster& cluster) { cluster.policies.erase("NetworkPolicy/rehearsal/closed"); }},
      {"a staged namespace's default is enforced",
       in_space("trial", [](model::Namespace& ns) { ns.staged = false; })},
      {"a staged namespace's default is not evaluated",
       in_space("trial", [](model::Namespace& ns) { ns.default_deny = false; })},
      {"a staged namespace is out of the tiers",
       in_policy("ClusterNetworkPolicy/second",
                 [](Policy& policy) {
                   policy.subject_namespaces->match_expressions.push_back(
                       {model::kNamespaceNameLabel, LabelSelector::Operator::NotIn, {"rehearsal"}});
                 })},
      {"an enforced namespace is staged",
       in_space("db", [](model::Namespace& ns) { ns.staged = true; })},
  };
}

std::vector<BrokenCompile> isolation() {
  return {
      {"directions are swapped", in_policy(kDatabase,
                                           [](Policy& policy) {
                                             std::swap(policy.rules[0], policy.rules[1]);
                                             policy.policy_types = {kOut};
                                           })},
      {"a policy does not isolate", [](Cluster& cluster) { cluster.policies.erase(kFrontend); }},
      {"a policy isolates both ways", in_policy(kFrontend,
                                                [](Policy& policy) {
                                                  policy.policy_types = {kIn, kOut};
                                                })},
      {"missing policyTypes forget ingress",
       in_policy(kCache, [](Policy& policy) { policy.policy_types = {kOut}; })},
      {"missing policyTypes forget egress",
       in_policy(kCache, [](Policy& policy) { policy.policy_types = {kIn}; })},
      {"an empty policy opens", in_policy(kCache,
                                          [](Policy& policy) {
                                            policy.rules[1].push_back({"0", {}, {}, {}});
                                          })},
      {"a policy selects every pod",
       in_policy(kDatabase, [](Policy& policy) { policy.subject_pods = {}; })},
      {"a policy selects no pod",
       in_policy(kAdmin, [](Policy& policy) { policy.subject_pods = app("nobody"); })},
      {"only the first policy of a pod counts",
       [](Cluster& cluster) { cluster.policies.erase(kSecond); }},
      {"only the first rule of a policy counts",
       in_policy(kDatabase, [](Policy& policy) { policy.rules[1].resize(1); })},
  };
}

std::vector<BrokenCompile> tiers() {
  const std::string first = "ClusterNetworkPolicy/first";
  const std::string second = "ClusterNetworkPolicy/second";
  const std::string below = "ClusterNetworkPolicy/below";
  const auto priority = [](std::int32_t number) {
    return [=](Policy& policy) { policy.priority = number; };
  };
  const auto tier = [](model::Tier instead) {
    return [=](Policy& policy) { policy.tier = instead; };
  };
  return {
      {"priorities go downwards", in_policy(first, priority(3))},
      {"rules of a tier go upwards",
       in_policy(first, [](Policy& policy) { std::ranges::reverse(policy.rules[1]); })},
      {"Pass allows", in_rule(first, kIn, 0, action(RuleAction::Accept))},
      {"Pass denies", in_rule(first, kIn, 0, action(RuleAction::Deny))},
      {"Deny allows", in_rule(first, kIn, 1, action(RuleAction::Accept))},
      {"Baseline goes before NetworkPolicy", in_policy(below, tier(model::Tier::Admin))},
      {"Admin goes behind NetworkPolicy", in_policy(second, tier(model::Tier::Baseline))},
      {"subject namespaces are lost",
       in_policy(second, [](Policy& policy) { policy.subject_namespaces = app("nobody"); })},
  };
}

std::vector<BrokenCompile> defaults() {
  return {
      {"the node's default is lost",
       [](Cluster& cluster) { cluster.settings.default_verdict = Verdict::Allow; }},
      {"an exempt namespace is closed",
       [](Cluster& cluster) { cluster.settings.exempt.erase("open"); }},
      {"exempt is for everybody", [](Cluster& cluster) { cluster.settings.exempt.insert("db"); }},
      {"a namespace's default is lost",
       in_space("locked", [](model::Namespace& ns) { ns.default_deny = false; })},
      {"the DNS of closed pods is lost",
       [](Cluster& cluster) { cluster.settings.default_dns = false; }},
      {"the DNS pods are lost", [](Cluster& cluster) { cluster.settings.dns_namespace.reset(); }},
      {"the DNS address is lost", [](Cluster& cluster) { cluster.settings.dns_addresses.clear(); }},
      {"every pod of the DNS namespace's label is the DNS",
       [](Cluster& cluster) {
         cluster.settings.dns_namespace = "open", cluster.settings.dns_pods = {};
       }},
      {"a quarantine is lost",
       in_pod("db", "sick", [](model::Pod& pod) { pod.quarantine.reset(); })},
      {"the forensic peer is lost",
       in_pod("db", "sick", [](model::Pod& pod) { pod.quarantine->forensic_peer.reset(); })},
      {"the forensic peer is a network",
       in_pod("db", "sick",
              [](model::Pod& pod) { pod.quarantine->forensic_peer = cidr("10.1.0.2/31"); })},
  };
}

}  // namespace

std::vector<BrokenCompile> misreadings() {
  std::vector<BrokenCompile> all;
  for (auto& ways : {prefixes(), ports_and_names(), peers_and_selectors(), nodes(), staging(),
                     isolation(), tiers(), defaults()}) {
    all.insert(all.end(), ways.begin(), ways.end());
  }
  return all;
}

}  // namespace bulkhead::testing
