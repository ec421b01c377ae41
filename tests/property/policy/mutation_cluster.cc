// SPDX-License-Identifier: Apache-2.0
#include "tests/property/policy/broken_compile.h"
#include "tests/unit/policy/compile/cluster_builder.h"

namespace bulkhead::testing {
namespace {

using model::LabelSelector;
using model::RuleAction;

LabelSelector in_namespace(const std::string& name) {
  return {.match_labels = {{model::kNamespaceNameLabel, name}}, .match_expressions = {}};
}
LabelSelector on_linux() {
  return {.match_labels = {{"kubernetes.io/os", "linux"}}, .match_expressions = {}};
}
LabelSelector account(const std::string& name) {
  return {.match_labels = {{model::kServiceAccountLabel, name}}, .match_expressions = {}};
}

model::Policy& cluster_wide(ClusterBuilder& builder, const std::string& name, model::Tier tier,
                            std::int32_t priority) {
  auto made = std::make_shared<model::Policy>();
  made->kind = model::PolicyKind::ClusterNetworkPolicy;
  made->name = name;
  made->tier = tier;
  made->priority = priority;
  made->subject_namespaces = LabelSelector{};
  builder.cluster.policies[made->id()] = made;
  return *made;
}

void rule(model::Policy& policy, RuleAction action, std::vector<model::Peer> peers,
          std::vector<model::PortMatch> ports, Direction direction = Direction::Ingress) {
  auto& rules = policy.rules[static_cast<std::size_t>(direction)];
  rules.push_back({std::to_string(rules.size()), action, std::move(peers), std::move(ports)});
}

void add_settings(model::Settings& settings) {
  settings.default_verdict = Verdict::Deny;
  settings.exempt = {"open", "locked", "trial", "rehearsal"};
  settings.pod_cidrs = {cidr("10.0.0.0/8"), cidr("fd00::/16")};
  settings.dns_addresses = {ip("192.0.2.53")};
  settings.dns_namespace = "dns";
  settings.dns_pods = app("dns");
}

void add_pods(ClusterBuilder& builder) {
  for (const auto* name : {"db", "web", "open", "dns"}) builder.ns(name);
  builder.ns("web").labels.emplace("team", "red");
  builder.ns("locked").default_deny = true;
  auto& trial = builder.ns("trial");
  trial.default_deny = true;
  trial.staged = true;
  builder.ns("rehearsal").staged = true;

  auto& db = builder.pod("db", "db", "10.0.0.1", {{"app", "db"}});
  db.ips.push_back(ip("fd00::1"));
  db.ports = {{"metrics", kTcp, 9100}, {"metrics", kUdp, 9101}};
  builder.pod("db", "db2", "10.0.0.2", {{"app", "db"}}).ports = {{"metrics", kTcp, 9200}};
  builder.pod("db", "cache", "10.0.0.3", {{"app", "cache"}}).ips.push_back(ip("fd00::3"));
  builder.pod("db", "bare", "10.0.0.4");
  builder.pod("db", "cache2", "10.0.0.5", {{"app", "cache"}});
  builder.pod("db", "done", "10.0.0.8", {{"app", "db"}}).finished = true;
  builder.pod("db", "host", "172.16.0.1", {{"app", "cache"}}).host_network = true;
  auto& sick = builder.pod("db", "sick", "10.0.0.9", {{"app", "cache"}});
  sick.quarantine.emplace().forensic_peer = cidr("10.1.0.2/32");
  auto& web = builder.pod("web", "web", "10.1.0.1", {{"app", "web"}});
  web.ips.push_back(ip("fd00:1::1"));
  web.service_account = "frontend";
  builder.pod("web", "admin", "10.1.0.2", {{"app", "admin"}});
  builder.pod("web", "red", "10.1.0.3", {{"app", "red"}});
  builder.pod("open", "any", "10.2.0.1", {{"app", "web"}}).ips.push_back(ip("fd00:2::1"));
  builder.pod("dns", "dns", "10.3.0.1", {{"app", "dns"}});
  builder.pod("locked", "one", "10.4.0.1");
  builder.pod("trial", "one", "10.5.0.1");
  builder.pod("rehearsal", "one", "10.6.0.1");
}

// What their texts list as Hostname beside these, 203.0.113.7, is no address.
void add_nodes(ClusterBuilder& builder) {
  builder.node("forest", "linux", {ip("192.0.2.101"), ip("2001:db8:a::1")});
  builder.node("castle", "windows", {ip("192.0.2.102"), ip("2001:db8:a::2")});
  builder.node("lake", "linux", {ip("10.1.0.3")});  // a pod's address
  builder.node("tower", "linux", {ip("192.0.2.103"), ip("2001:db8:a::3")});
}

void add_network_policies(ClusterBuilder& builder) {
  auto& db = builder.policy("db", "database", "db");
  allow(db, Direction::Ingress, {model::PodPeer{in_namespace("web"), app("web")}},
        {tcp(3306), named("metrics")});
  allow(db, Direction::Ingress, {model::CidrPeer{cidr("192.0.0.0/16"), {cidr("192.0.9.0/24")}}},
        {tcp(3306)});
  allow(db, Direction::Ingress, {pods(app("cache"))}, {{kUdp, model::PortRange{5000, 6000}}});
  allow(db, Direction::Ingress, {model::UnsupportedPeer{"domainNames"}});
  db.policy_types = {Direction::Ingress};

  auto& second = builder.policy("db", "second", "db");
  allow(second, Direction::Ingress,
        {pods({.match_labels = {},
               .match_expressions = {{"app", LabelSelector::Operator::NotIn, {"cache"}}}})},
        {{kUdp, model::PortRange{7000, 7000}}});
  allow(second, Direction::Ingress,
        {pods({.match_labels = {},
               .match_expressions = {{"app", LabelSelector::Operator::DoesNotExist, {}}}})},
        {{kSctp, model::PortRange{7100, 7100}}});
  allow(second, Direction::Ingress, {model::PodPeer{LabelSelector{}, account("frontend")}},
        {tcp(7200)});

  auto& cache = builder.policy("db", "cache", "cache");  // policyTypes missing, both isolated
  allow(cache, Direction::Egress, {pods(app("db"))}, {named("metrics")});
  allow(cache, Direction::Egress, {model::CidrPeer{cidr("::/0"), {}}}, {tcp(443)});

  auto& web = builder.policy("web", "frontend", "web");
  web.policy_types = {Direction::Egress};
  allow(web, Direction::Egress, {model::PodPeer{in_namespace("db"), app("db")}}, {tcp(3306)});
  allow(web, Direction::Egress, {model::DnsPeer{}}, {{kUdp, model::PortRange{53, 53}}});
  allow(web, Direction::Egress, {model::CidrPeer{cidr("2001:db8::/32"), {}}});

  auto& admin = builder.policy("web", "admin", "admin");
  allow(admin, Direction::Ingress, {model::WorldPeer{}}, {tcp(0, 65535)});
  allow(admin, Direction::Ingress, {}, {{kSctp, model::PortRange{9, 9}}});

  auto& trial = builder.policy("open", "try");
  trial.staged = true;
  allow(trial, Direction::Ingress, {pods(app("nobody"))});

  auto& rehearsal = builder.policy("rehearsal", "closed");  // staged by its namespace
  allow(rehearsal, Direction::Ingress, {pods(app("nobody"))});
}

void add_tiers(ClusterBuilder& builder) {
  auto& first = cluster_wide(builder, "first", model::Tier::Admin, 1);
  rule(first, RuleAction::Pass, {model::PodPeer{in_namespace("open"), {}}}, {tcp(8000)});
  rule(first, RuleAction::Deny, {model::PodPeer{in_namespace("open"), {}}}, {tcp(8000, 8100)});
  auto& second = cluster_wide(builder, "second", model::Tier::Admin, 2);
  rule(second, RuleAction::Accept, {model::PodPeer{in_namespace("open"), {}}}, {tcp(8100, 8200)});
  auto& below = cluster_wide(builder, "below", model::Tier::Baseline, 0);
  rule(below, RuleAction::Deny, {model::PodPeer{in_namespace("web"), {}}}, {tcp(3306)});
  rule(below, RuleAction::Accept, {model::PodPeer{in_namespace("dns"), {}}}, {tcp(9153)});
  auto& nodes = cluster_wide(builder, "nodes", model::Tier::Admin, 3);
  rule(nodes, RuleAction::Accept, {model::NodePeer{on_linux()}}, {tcp(6443)}, Direction::Egress);
  rule(nodes, RuleAction::Deny, {model::NodePeer{LabelSelector{}}}, {tcp(6443, 6444)},
       Direction::Egress);
}

}  // namespace

model::Cluster mutation_cluster() {
  ClusterBuilder builder;
  add_settings(builder.cluster.settings);
  add_pods(builder);
  add_nodes(builder);
  add_network_policies(builder);
  add_tiers(builder);
  return builder.cluster;
}

}  // namespace bulkhead::testing
