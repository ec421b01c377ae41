// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <ostream>

#include "tests/unit/policy/oracle/builders.h"

namespace bulkhead::oracle {
namespace {

// What a test expects: the verdict and the rule it names.
struct Expected {
  Verdict verdict;
  std::string rule;
  friend bool operator==(const Expected&, const Expected&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Expected& expected) {
    return out << name_of(expected.verdict) << " by '" << expected.rule << "'";
  }
};
Expected allowed_by(std::string_view rule) { return {Verdict::Allow, std::string(rule)}; }
Expected denied_by(std::string_view rule) { return {Verdict::Deny, std::string(rule)}; }

Expected ask(const model::Cluster& cluster, Direction direction, const Party& subject,
             const Party& peer, std::uint16_t port = 80, std::uint8_t protocol = kTcp) {
  const auto answer = decide(cluster, direction, subject, peer, protocol, port);
  return {answer.verdict, answer.rule};
}

// Ingress of db/db from a peer.
Expected into_db(const model::Cluster& cluster, const Party& peer, std::uint16_t port = 80,
                 std::uint8_t protocol = kTcp) {
  const Family family = peer.address ? peer.address->family : Family::V4;
  return ask(cluster, Direction::Ingress, pod(cluster, "db", "db", family), peer, port, protocol);
}
Expected out_of_db(const model::Cluster& cluster, const Party& peer, std::uint16_t port = 80,
                   std::uint8_t protocol = kTcp) {
  const Family family = peer.address ? peer.address->family : Family::V4;
  return ask(cluster, Direction::Egress, pod(cluster, "db", "db", family), peer, port, protocol);
}

TEST(Oracle, LeavesPlainKubernetesOpen) {
  const auto cluster = cluster_of(three_pods());
  EXPECT_EQ(into_db(cluster, pod(cluster, "web", "web")), allowed_by("default/node"));
  EXPECT_EQ(into_db(cluster, outside("203.0.113.1")), allowed_by("default/node"));
}

TEST(Oracle, IsolatesPerDirection) {
  const auto cluster = cluster_of(three_pods() + policy("{podSelector: {}}"));
  const auto web = pod(cluster, "web", "web");
  EXPECT_EQ(into_db(cluster, web), denied_by("default/isolated"));
  EXPECT_EQ(out_of_db(cluster, web), allowed_by("default/node"));
}

TEST(Oracle, DefaultsPolicyTypes) {
  const auto verdicts = [](std::string_view spec) {
    const auto cluster = cluster_of(three_pods() + policy(spec));
    const auto web = pod(cluster, "web", "web");
    return std::pair{into_db(cluster, web).verdict, out_of_db(cluster, web).verdict};
  };
  constexpr auto kAllow = Verdict::Allow;
  constexpr auto kDeny = Verdict::Deny;
  EXPECT_EQ(verdicts("{}"), (std::pair{kDeny, kAllow}));
  EXPECT_EQ(verdicts("{egress: []}"), (std::pair{kDeny, kAllow}));
  EXPECT_EQ(verdicts("{egress: [{ports: [{port: 1}]}]}"), (std::pair{kDeny, kDeny}));
  EXPECT_EQ(verdicts("{policyTypes: [Egress]}"), (std::pair{kAllow, kDeny}));
  EXPECT_EQ(verdicts("{policyTypes: [Egress], ingress: [{ports: [{port: 1}]}]}"),
            (std::pair{kAllow, kDeny}));
  EXPECT_EQ(verdicts("{policyTypes: [Ingress, Egress]}"), (std::pair{kDeny, kDeny}));
  EXPECT_EQ(verdicts("{policyTypes: [Ingress], egress: [{}]}"), (std::pair{kDeny, kAllow}));
}

TEST(Oracle, TellsEmptyRulesFromNoRules) {
  const auto none = cluster_of(three_pods() + policy("{ingress: []}"));
  const auto all = cluster_of(three_pods() + policy("{ingress: [{}]}"));
  EXPECT_EQ(into_db(none, outside("203.0.113.1")), denied_by("default/isolated"));
  EXPECT_EQ(into_db(all, outside("203.0.113.1")), allowed_by("NetworkPolicy/db/p/ingress/0"));
  EXPECT_EQ(into_db(all, outside("203.0.113.1"), 0, kIcmp),
            allowed_by("NetworkPolicy/db/p/ingress/0"));
}

TEST(Oracle, MeansItsOwnNamespaceByABarePodSelector) {
  const auto cluster =
      cluster_of(three_pods() + policy("{ingress: [{from: [{podSelector: {}}]}]}"));
  EXPECT_EQ(into_db(cluster, pod(cluster, "web", "web")), denied_by("default/isolated"));
  const auto any =
      cluster_of(three_pods() + policy("{ingress: [{from: [{namespaceSelector: {}}]}]}"));
  EXPECT_EQ(into_db(any, pod(any, "web", "web")).verdict, Verdict::Allow);
  EXPECT_EQ(into_db(any, outside("203.0.113.1")).verdict, Verdict::Deny);
}

TEST(Oracle, ReadsBothSelectorsAsAndTwoItemsAsOr) {
  const auto both = cluster_of(
      three_pods() +
      policy("{ingress: [{from: [{namespaceSelector: {matchLabels: "
             "{kubernetes.io/metadata.name: web}}, podSelector: {matchLabels: {app: api}}}]}]}"));
  EXPECT_EQ(into_db(both, pod(both, "web", "api")).verdict, Verdict::Allow);
  EXPECT_EQ(into_db(both, pod(both, "web", "web")).verdict, Verdict::Deny);
  const auto either = cluster_of(
      three_pods() + policy("{ingress: [{from: [{podSelector: {matchLabels: {app: api}}}, "
                            "{ipBlock: {cidr: 'fd00::2/128'}}]}]}"));
  EXPECT_EQ(into_db(either, pod(either, "web", "web", Family::V6)).verdict, Verdict::Allow);
  EXPECT_EQ(into_db(either, pod(either, "web", "web", Family::V4)).verdict, Verdict::Deny);
  EXPECT_EQ(into_db(either, pod(either, "web", "api")).verdict, Verdict::Deny);
}

TEST(Oracle, MatchesPortsByProtocol) {
  const auto cluster = cluster_of(
      three_pods() + policy("{ingress: [{ports: [{port: 80}, {protocol: UDP, port: 90, endPort: "
                            "95}, {protocol: SCTP}]}]}"));
  const auto web = pod(cluster, "web", "web");
  EXPECT_EQ(into_db(cluster, web, 80, kTcp).verdict, Verdict::Allow);
  EXPECT_EQ(into_db(cluster, web, 80, kUdp).verdict, Verdict::Deny);
  EXPECT_EQ(into_db(cluster, web, 89, kUdp).verdict, Verdict::Deny);
  EXPECT_EQ(into_db(cluster, web, 90, kUdp).verdict, Verdict::Allow);
  EXPECT_EQ(into_db(cluster, web, 95, kUdp).verdict, Verdict::Allow);
  EXPECT_EQ(into_db(cluster, web, 96, kUdp).verdict, Verdict::Deny);
  EXPECT_EQ(into_db(cluster, web, 65535, kSctp).verdict, Verdict::Allow);
  EXPECT_EQ(into_db(cluster, web, 0, kIcmp).verdict, Verdict::Deny);
  EXPECT_EQ(into_db(cluster, web, 0, kIcmpV6).verdict, Verdict::Deny);
}

TEST(Oracle, ResolvesNamedPortsOnTheDestination) {
  const auto ingress = cluster_of(three_pods() + policy("{ingress: [{ports: [{port: sql}]}]}"));
  const auto web = pod(ingress, "web", "web");
  EXPECT_EQ(into_db(ingress, web, 5432).verdict, Verdict::Allow);
  EXPECT_EQ(into_db(ingress, web, 5433).verdict, Verdict::Deny);
  EXPECT_EQ(into_db(ingress, web, 5432, kUdp).verdict, Verdict::Deny);

  const auto egress =
      cluster_of(three_pods() +
                 policy("{policyTypes: [Egress], egress: [{ports: [{port: sql}]}]}", "p", "web"));
  const auto from = pod(egress, "web", "web");
  EXPECT_EQ(ask(egress, Direction::Egress, from, pod(egress, "db", "db"), 5432).verdict,
            Verdict::Allow);
  EXPECT_EQ(ask(egress, Direction::Egress, from, pod(egress, "web", "api"), 5432).verdict,
            Verdict::Deny);
  EXPECT_EQ(ask(egress, Direction::Egress, from, outside("203.0.113.1"), 5432).verdict,
            Verdict::Deny);
}

TEST(Oracle, NeverCoversTheOtherFamily) {
  const auto four =
      cluster_of(three_pods() + policy("{ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}"));
  EXPECT_EQ(into_db(four, outside("203.0.113.1")).verdict, Verdict::Allow);
  EXPECT_EQ(into_db(four, outside("2001:db8::1")).verdict, Verdict::Deny);
  const auto six =
      cluster_of(three_pods() + policy("{ingress: [{from: [{ipBlock: {cidr: '::/0'}}]}]}"));
  EXPECT_EQ(into_db(six, outside("2001:db8::1")).verdict, Verdict::Allow);
  EXPECT_EQ(into_db(six, outside("203.0.113.1")).verdict, Verdict::Deny);
}

TEST(Oracle, NarrowsOnlyTheExceptingPeer) {
  const auto cluster = cluster_of(
      three_pods() +
      policy(
          "{ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.128/25]}}]}]}"));
  EXPECT_EQ(into_db(cluster, outside("203.0.113.127")).verdict, Verdict::Allow);
  EXPECT_EQ(into_db(cluster, outside("203.0.113.128")).verdict, Verdict::Deny);
}

TEST(Oracle, LetsTheOwnNodeInAndNoOther) {
  model::Settings settings;
  settings.default_verdict = Verdict::Deny;
  const auto cluster = cluster_of(three_pods() + policy("{}"), settings);
  EXPECT_EQ(into_db(cluster, own_node()), allowed_by("default/own-node"));
  EXPECT_EQ(into_db(cluster, outside("192.0.2.1")), denied_by("default/isolated"));
  EXPECT_EQ(out_of_db(cluster, own_node()), denied_by("default/node"));
}

TEST(Oracle, LetsAPodReachItself) {
  const auto cluster = cluster_of(three_pods() + policy("{policyTypes: [Ingress, Egress]}"));
  const auto db = pod(cluster, "db", "db");
  EXPECT_EQ(into_db(cluster, db), allowed_by("default/self"));
  EXPECT_EQ(out_of_db(cluster, db), allowed_by("default/self"));
}

TEST(Oracle, DropsPodAddressesThatNobodyOwns) {
  model::Settings settings;
  settings.pod_cidrs = {prefix("10.0.0.0/16"), prefix("fd00::/64")};
  const auto cluster =
      cluster_of(three_pods() + policy("{policyTypes: [Ingress, Egress], ingress: [{}], "
                                       "egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}"),
                 settings);
  for (const char* address : {"10.0.0.9", "fd00::9"}) {
    EXPECT_EQ(into_db(cluster, outside(address)), denied_by("")) << address;
    EXPECT_EQ(out_of_db(cluster, outside(address)), denied_by("")) << address;
  }
  EXPECT_EQ(into_db(cluster, outside("10.1.0.9")).verdict, Verdict::Allow);
  EXPECT_EQ(into_db(cluster, outside("fd01::9")).verdict, Verdict::Allow);
}

TEST(Oracle, QuarantinesAllButTheForensicPeer) {
  auto cluster = cluster_of(three_pods() + policy("{ingress: [{}]}"));
  auto cut_off = *cluster.pods.at({"db", "db"});
  cut_off.quarantine = model::Quarantine{prefix("203.0.113.7/32"), "me", "why", ""};
  cluster.pods[cut_off.key] = std::make_shared<const model::Pod>(cut_off);
  EXPECT_EQ(into_db(cluster, pod(cluster, "web", "web")), denied_by("default/quarantine"));
  EXPECT_EQ(into_db(cluster, own_node()), denied_by("default/quarantine"));
  EXPECT_EQ(out_of_db(cluster, pod(cluster, "web", "web")), denied_by("default/quarantine"));
  EXPECT_EQ(into_db(cluster, outside("203.0.113.7")), allowed_by("default/quarantine"));
  EXPECT_EQ(into_db(cluster, outside("203.0.113.8")), denied_by("default/quarantine"));
  // Not even a forensic peer may have the address of a pod that is not there.
  cluster.settings.pod_cidrs.push_back(prefix("203.0.113.0/24"));
  EXPECT_EQ(into_db(cluster, outside("203.0.113.7")), denied_by(""));
  // The peers of a quarantined pod have no rule of their own about it.
  EXPECT_EQ(ask(cluster, Direction::Egress, pod(cluster, "web", "web"), pod(cluster, "db", "db")),
            allowed_by("default/node"));
}

TEST(Oracle, EvaluatesStagedPoliciesWithoutEnforcingThem) {
  const auto cluster =
      cluster_of(three_pods() + policy("{}", "trial", "db", "{bulkhead.io/mode: staged}"));
  const auto answer = decide(cluster, Direction::Ingress, pod(cluster, "db", "db"),
                             pod(cluster, "web", "web"), kTcp, 80);
  EXPECT_EQ(answer.verdict, Verdict::Allow);
  EXPECT_EQ(answer.rule, "default/node");
  EXPECT_EQ(answer.staged_verdict, Verdict::Deny);
  EXPECT_EQ(answer.staged_rule, "default/isolated");
}

constexpr std::string_view kStagedSpace =
    "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: db, annotations: "
    "{bulkhead.io/default: deny, bulkhead.io/mode: staged}}\n";

TEST(Oracle, StagesANamespacesOwnDefault) {
  const auto trial = cluster_of(three_pods() + std::string(kStagedSpace));
  const auto answer =
      decide(trial, Direction::Ingress, pod(trial, "db", "db"), pod(trial, "web", "web"), kTcp, 80);
  EXPECT_EQ(answer.verdict, Verdict::Allow);
  EXPECT_EQ(answer.staged_verdict, Verdict::Deny);
  EXPECT_EQ(answer.staged_rule, "default/namespace");
}

TEST(Oracle, StagesEveryPolicyOfAStagedNamespace) {
  const auto trial = cluster_of(three_pods() + std::string(kStagedSpace) +
                                policy("{ingress: [{ports: [{port: 81}]}]}"));
  const auto ask_at = [&](std::uint16_t port) {
    return decide(trial, Direction::Ingress, pod(trial, "db", "db"), pod(trial, "web", "web"), kTcp,
                  port);
  };
  EXPECT_EQ(ask_at(80).verdict, Verdict::Allow);
  EXPECT_EQ(ask_at(80).rule, "default/node");
  EXPECT_EQ(ask_at(80).staged_verdict, Verdict::Deny);
  EXPECT_EQ(ask_at(80).staged_rule, "default/isolated");
  EXPECT_EQ(ask_at(81).staged_rule, "NetworkPolicy/db/p/ingress/0");
}

TEST(Oracle, LetsAStagedNamespaceStageNothingElse) {
  // Another namespace's policy stays enforced.
  const auto other =
      cluster_of(three_pods() + std::string(kStagedSpace) + policy("{}", "p", "web"));
  EXPECT_EQ(ask(other, Direction::Ingress, pod(other, "web", "web"), pod(other, "db", "db")),
            denied_by("default/isolated"));
  // And so does the node's default.
  model::Settings deny;
  deny.default_verdict = Verdict::Deny;
  const auto closed = cluster_of(
      three_pods() + std::string(kStagedSpace) + policy("{ingress: [{}], policyTypes: [Ingress]}"),
      deny);
  EXPECT_EQ(into_db(closed, pod(closed, "web", "web")), denied_by("default/node"));
}

// An Admin or Baseline policy with one rule about every peer.
void add_cluster_policy(model::Cluster& cluster, model::Tier tier, std::string name, int priority,
                        model::RuleAction action) {
  model::Policy policy;
  policy.kind = model::PolicyKind::ClusterNetworkPolicy;
  policy.tier = tier;
  policy.name = std::move(name);
  policy.priority = priority;
  model::Rule rule;
  rule.index = "0";
  rule.action = action;
  policy.rules[static_cast<std::size_t>(Direction::Ingress)] = {rule};
  cluster.policies[policy.id()] = std::make_shared<const model::Policy>(policy);
}

TEST(Oracle, AsksTheTiersInOrder) {
  using enum model::RuleAction;
  auto cluster = cluster_of(three_pods() + policy("{}"));
  const auto web = pod(cluster, "web", "web");
  add_cluster_policy(cluster, model::Tier::Baseline, "base", 0, Accept);
  EXPECT_EQ(into_db(cluster, web), denied_by("default/isolated"));
  add_cluster_policy(cluster, model::Tier::Admin, "a", 9, Accept);
  EXPECT_EQ(into_db(cluster, web), allowed_by("ClusterNetworkPolicy/a/ingress/0"));
  add_cluster_policy(cluster, model::Tier::Admin, "b", 5, Deny);
  EXPECT_EQ(into_db(cluster, web), denied_by("ClusterNetworkPolicy/b/ingress/0"));
  add_cluster_policy(cluster, model::Tier::Admin, "c", 1, Pass);
  EXPECT_EQ(into_db(cluster, web), denied_by("default/isolated"));
}

TEST(Oracle, KeepsTheClusterWideTiersOverAStagedNamespace) {
  for (const auto tier : {model::Tier::Admin, model::Tier::Baseline}) {
    auto cluster = cluster_of(three_pods() + std::string(kStagedSpace) + policy("{}"));
    add_cluster_policy(cluster, tier, "guard", 0, model::RuleAction::Deny);
    EXPECT_EQ(into_db(cluster, pod(cluster, "web", "web")),
              denied_by("ClusterNetworkPolicy/guard/ingress/0"));
  }
}

TEST(Oracle, AsksTheBaselineWhereNothingIsolates) {
  auto cluster = cluster_of(three_pods());
  add_cluster_policy(cluster, model::Tier::Baseline, "base", 0, model::RuleAction::Deny);
  EXPECT_EQ(into_db(cluster, pod(cluster, "web", "web")),
            denied_by("ClusterNetworkPolicy/base/ingress/0"));
}

TEST(Oracle, GivesAWholePortLine) {
  const auto cluster = cluster_of(
      three_pods() + policy("{ingress: [{ports: [{port: 80, endPort: 90}, {port: sql}]}]}"));
  const auto runs = decide_all_ports(cluster, Direction::Ingress, pod(cluster, "db", "db"),
                                     pod(cluster, "web", "web"), kTcp);
  ASSERT_EQ(runs.size(), 5u);
  const std::pair<int, int> bounds[] = {{0, 79}, {80, 90}, {91, 5431}, {5432, 5432}, {5433, 65535}};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    EXPECT_EQ((std::pair<int, int>{runs[i].first, runs[i].last}), bounds[i]);
    EXPECT_EQ(runs[i].answer.verdict, i % 2 == 1 ? Verdict::Allow : Verdict::Deny);
  }
  EXPECT_EQ(decide_all_ports(cluster, Direction::Ingress, pod(cluster, "db", "db"),
                             pod(cluster, "web", "web"), kIcmp)
                .size(),
            1u);
}

TEST(Oracle, DeniesForASubjectThatIsNoLivePod) {
  const auto cluster = cluster_of(three_pods());
  EXPECT_EQ(ask(cluster, Direction::Ingress, outside("10.0.0.1"), pod(cluster, "web", "web")),
            denied_by(""));
}

}  // namespace
}  // namespace bulkhead::oracle
