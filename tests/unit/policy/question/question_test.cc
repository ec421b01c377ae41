// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/question/explain.h"
#include "policy/question/matrix.h"
#include "tests/unit/policy/oracle/builders.h"

namespace bulkhead::question {
namespace {

using oracle::cluster_of;
using oracle::policy;
using oracle::prefix;
using oracle::three_pods;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kWebToSql =
    "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{namespaceSelector: {matchLabels: "
    "{kubernetes.io/metadata.name: web}}, podSelector: {matchLabels: {app: web}}}], "
    "ports: [{port: 5432}]}]}";

Explanation explained(const model::Cluster& cluster, std::string from, std::string to,
                      std::uint16_t port, std::optional<Family> family = {}) {
  const auto result = explain(cluster, {std::move(from), std::move(to), Probe{kTcp, port}, family});
  if (!result) throw std::runtime_error(result.error().text());
  return *result;
}

std::string refused(const model::Cluster& cluster, std::string from, std::string to,
                    std::optional<Family> family = {}) {
  const auto result = explain(cluster, {std::move(from), std::move(to), Probe{kTcp, 80}, family});
  return result ? "no error" : result.error().text();
}

TEST(Probe, ReadsItsForms) {
  EXPECT_EQ(parse_probe("TCP/80").value(), (Probe{kTcp, 80}));
  EXPECT_EQ(parse_probe("SCTP/65535").value().text(), "SCTP/65535");
  EXPECT_EQ(parse_probe("ICMP").value().text(), "ICMP");
  for (const char* bad :
       {"TCP", "TCP/", "TCP/0", "TCP/65536", "tcp/80", "80", "ICMP/1", "TCP/80x"}) {
    EXPECT_FALSE(parse_probe(bad)) << bad;
  }
}

TEST(Probe, DefaultsToNamedPortsAndOneUnnamed) {
  const auto cluster = cluster_of(
      three_pods() + policy("{ingress: [{ports: [{port: 1, endPort: 3}, {protocol: UDP, port: 53}, "
                            "{protocol: SCTP}, {port: sql}]}]}"));
  std::vector<std::string> texts;
  for (const auto& probe : default_probes(cluster)) texts.push_back(probe.text());
  EXPECT_THAT(texts, ElementsAre("TCP/1", "TCP/3", "TCP/4", "TCP/5432", "UDP/53"));
}

TEST(Matrix, HasTheDocumentedJson) {
  const auto cluster = cluster_of(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: n}\nstatus: {podIP: "
      "10.0.0.1}\n---\n"
      "apiVersion: bulkhead.io/v1alpha1\nkind: Segment\nmetadata: {name: s, namespace: n}\n"
      "spec: {}\n");
  const auto made = matrix(cluster, {{Probe{kTcp, 80}}, {}, {prefix("203.0.113.0/24")}});
  ASSERT_TRUE(made.has_value()) << made.error().text();
  EXPECT_EQ(to_json(*made),
            R"({"pods":[{"name":"n/a","kind":"Pod"},{"name":"203.0.113.0/24","kind":"External"}],)"
            R"("probes":[{"protocol":"TCP","port":80}],"cells":[)"
            R"({"from":"n/a","to":"n/a","protocol":"TCP","port":80,"verdict":"allow",)"
            R"("egress":"default/self","ingress":"default/self"},)"
            R"({"from":"n/a","to":"203.0.113.0/24","protocol":"TCP","port":80,"verdict":"deny",)"
            R"("egress":"default/isolated","ingress":""},)"
            R"({"from":"203.0.113.0/24","to":"n/a","protocol":"TCP","port":80,"verdict":"deny",)"
            R"("egress":"","ingress":"default/isolated"}]})");
}

TEST(Matrix, ShowsATruthTable) {
  const auto cluster = cluster_of(three_pods() + policy(kWebToSql));
  const auto text = to_text(matrix(cluster, {{Probe{kTcp, 5432}}, {}, {}}).value());
  EXPECT_THAT(text, HasSubstr("TCP/5432   1 2 3\n"
                              "1  db/db   . . .\n"
                              "2  web/api X . .\n"
                              "3  web/web . . .\n"));
}

TEST(Matrix, RefusesMoreCellsThanAnybodyReads) {
  model::Cluster cluster;
  for (int i = 0; i < 3163; ++i) {
    auto pod = std::make_shared<model::Pod>();
    pod->key = {"n", std::to_string(i)};
    cluster.pods.emplace(pod->key, pod);
  }
  const auto made = matrix(cluster, {{Probe{kTcp, 80}}, {}, {}});
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().text(), HasSubstr("has 10004569 cells, more than 10000000: name fewer"));
}

TEST(Matrix, LeavesOutPodsThatNoPolicyConcerns) {
  const auto cluster = cluster_of(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nstatus: {podIP: 10.0.0.1}\n---\n"
      "apiVersion: v1\nkind: Pod\nmetadata: {name: b}\nspec: {hostNetwork: true}\n---\n"
      "apiVersion: v1\nkind: Pod\nmetadata: {name: c}\nstatus: {phase: Failed}\n");
  const auto made = matrix(cluster, {{}, Family::V6, {}}).value();
  EXPECT_THAT(made.ends, IsEmpty());
  EXPECT_THAT(made.notes, ElementsAre(HasSubstr("default/a is left out: it has no IPv6 address"),
                                      HasSubstr("host's network"), HasSubstr("has finished")));
}

TEST(Matrix, SpeaksWithTheFirstAddressOfTheFamily) {
  const auto cluster =
      cluster_of(three_pods() + policy("{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/24}}]}]}"));
  const auto verdict = [&](std::optional<Family> family) {
    const auto made = matrix(cluster, {{Probe{kTcp, 80}}, family, {}}).value();
    for (const auto& cell : made.cells) {
      if (made.ends[cell.from].name == "web/web" && made.ends[cell.to].name == "db/db") {
        return cell.judgement.verdict();
      }
    }
    throw std::runtime_error("no such cell");
  };
  EXPECT_EQ(verdict({}), Verdict::Allow);
  EXPECT_EQ(verdict(Family::V4), Verdict::Allow);
  EXPECT_EQ(verdict(Family::V6), Verdict::Deny);
}

TEST(Matrix, AgreesWithTheOracle) {
  const auto cluster = cluster_of(three_pods() + policy(kWebToSql));
  for (const auto family : {Family::V4, Family::V6}) {
    const MatrixOptions options{{}, family, {prefix("203.0.113.0/24"), prefix("2001:db8::/32")}};
    EXPECT_THAT(differences(matrix(cluster, options).value(), oracle_matrix(cluster, options)),
                IsEmpty());
  }
}

TEST(Matrix, SeesADifference) {
  const auto one = cluster_of(three_pods() + policy(kWebToSql));
  const auto other = cluster_of(three_pods());
  const MatrixOptions options{{Probe{kTcp, 5432}}, {}, {}};
  const auto lines = differences(oracle_matrix(one, options), oracle_matrix(other, options));
  EXPECT_THAT(lines, testing::Contains(HasSubstr("web/api -> db/db TCP/5432")));
  EXPECT_THAT(differences(oracle_matrix(one, options), Matrix{}), testing::SizeIs(1));
}

TEST(Explain, NamesTheRuleThatAllows) {
  const auto cluster = cluster_of(three_pods() + policy(kWebToSql));
  const auto why = explained(cluster, "web/web", "db/db", 5432);
  EXPECT_EQ(why.verdict(), Verdict::Allow);
  EXPECT_EQ(why.judgement.ingress->rule, "NetworkPolicy/db/p/ingress/0");
  EXPECT_EQ(why.judgement.ingress->tier, model::Tier::NetworkPolicy);
  EXPECT_THAT(why.nearest, IsEmpty());
}

TEST(Explain, NamesTheWrongLabelPortAndNamespace) {
  const auto cluster = cluster_of(three_pods() + policy(kWebToSql));
  const auto label = explained(cluster, "web/api", "db/db", 5432);
  ASSERT_EQ(label.nearest.size(), 1u);
  EXPECT_EQ(label.nearest[0].rule, "NetworkPolicy/db/p/ingress/0");
  EXPECT_EQ(label.nearest[0].why, "pod web/api has app=api, not web");
  const auto port = explained(cluster, "web/web", "db/db", 80);
  EXPECT_EQ(port.nearest.at(0).why, "the rule allows TCP/5432 only, not TCP/80");
  const auto world = explained(cluster, "203.0.113.1", "db/db", 5432);
  EXPECT_THAT(world.nearest.at(0).why, HasSubstr("203.0.113.1 is no pod of the cluster"));
  EXPECT_FALSE(world.judgement.egress.has_value());

  const auto own = cluster_of(three_pods() + policy("{ingress: [{from: [{podSelector: {}}]}]}"));
  EXPECT_THAT(explained(own, "web/web", "db/db", 80).nearest.at(0).why,
              HasSubstr("means pods of namespace db, the peer is in web"));
}

TEST(Explain, SortsNearRulesByWhatTheyMiss) {
  const auto cluster = cluster_of(
      three_pods() + policy("{ingress: [{from: [{podSelector: {matchLabels: {x: y}}}], ports: "
                            "[{port: 1}]}, {ports: [{port: 2}]}]}"));
  const auto why = explained(cluster, "web/web", "db/db", 80);
  ASSERT_EQ(why.nearest.size(), 2u);
  EXPECT_EQ(why.nearest[0].rule, "NetworkPolicy/db/p/ingress/1");
  EXPECT_EQ(why.nearest[1].faults, 3u);
}

TEST(Explain, NamesPoliciesThatMissTheSubject) {
  model::Settings settings;
  settings.default_verdict = Verdict::Deny;
  const auto cluster = cluster_of(
      three_pods() + policy("{podSelector: {matchLabels: {app: mysql}}, ingress: [{}]}") +
          policy("{podSelector: {}, policyTypes: [Egress], ingress: [{}]}", "q") +
          policy("{ingress: [{}]}", "r", "db", "{bulkhead.io/mode: staged}"),
      settings);
  const auto why = explained(cluster, "web/web", "db/db", 80);
  EXPECT_EQ(why.judgement.ingress->rule, "default/node");
  std::vector<std::string> reasons;
  for (const auto& near : why.nearest) reasons.push_back(near.why);
  EXPECT_THAT(reasons, testing::UnorderedElementsAre("pod db/db has app=db, not mysql",
                                                     "the policy's policyTypes do not name Ingress",
                                                     "the policy is staged, so not enforced"));
}

TEST(Explain, TellsTheWayThroughTheTiers) {
  const auto cluster = cluster_of(three_pods() + policy(kWebToSql));
  EXPECT_THAT(
      explained(cluster, "web/api", "db/db", 5432).path,
      testing::IsSupersetOf(
          {"egress of web/api: networkpolicy tier: no policy selects the pod",
           "egress of web/api: allow: nothing closes it (default/node)",
           "ingress of db/db: networkpolicy tier: isolated by NetworkPolicy/db/p; no rule allows "
           "it: deny (default/isolated)"}));
}

TEST(Explain, HasTheDocumentedJson) {
  const auto cluster = cluster_of(three_pods() + policy(kWebToSql));
  const auto json = to_json(explained(cluster, "203.0.113.1", "db/db", 5432));
  EXPECT_THAT(json, testing::StartsWith(
                        R"({"verdict":"deny","egress":{"verdict":"allow","tier":"none","rule":"",)"
                        R"("name":"","where":""},)"
                        R"("ingress":{"verdict":"deny","tier":"networkpolicy",)"
                        R"("rule":"default/isolated","name":"","where":""},"path":[)"));
  EXPECT_THAT(json, testing::ContainsRegex(
                        R"("nearest":\[\{"rule":"NetworkPolicy/db/p/ingress/0","name":"",)"
                        R"("where":"f.yaml:[0-9]+:[0-9]+","why":")"));
}

// Two rules of one Admin policy, the second never reached; and a NetworkPolicy beneath that allows.
TEST(Explain, NamesTheRuleThatCameFirstAndWhatItsAuthorCallsIt) {
  const auto cluster =
      cluster_of(three_pods() + policy(kWebToSql) +
                 "---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n"
                 "metadata: {name: guard}\nspec:\n  tier: Admin\n  priority: 10\n"
                 "  subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: db}}}\n"
                 "  ingress:\n  - {name: no web, action: Deny, from: [{namespaces: {}}]}\n"
                 "  - {name: too late, action: Accept, from: [{namespaces: {}}]}\n");
  const auto why = explained(cluster, "web/web", "db/db", 5432);
  EXPECT_EQ(why.judgement.ingress->rule, "ClusterNetworkPolicy/guard/ingress/0");
  EXPECT_EQ(why.ingress.name, "no web");
  EXPECT_THAT(why.ingress.where, testing::StartsWith("f.yaml:"));
  EXPECT_THAT(to_text(why),
              HasSubstr("ClusterNetworkPolicy/guard/ingress/0 \"no web\" at f.yaml:"));
  std::vector<std::string> near;
  for (const auto& rule : why.nearest) near.push_back(rule.rule + ": " + rule.why);
  const std::string first = ": ClusterNetworkPolicy/guard/ingress/0 comes first and denies it";
  EXPECT_THAT(near, ElementsAre("ClusterNetworkPolicy/guard/ingress/1" + first,
                                "NetworkPolicy/db/p/ingress/0" + first));
}

// What an Admin policy passes on no later rule of its tier allows, and the path says who passed it.
TEST(Explain, NamesThePassThatCameFirst) {
  for (const std::string direction : {"ingress", "egress"}) {
    const std::string peers = direction == "ingress" ? "from" : "to";
    const std::string subject = direction == "ingress" ? "db" : "web";
    const auto cluster = cluster_of(
        three_pods() +
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        "metadata: {name: shut, namespace: " +
        subject +
        "}\nspec: {podSelector: {}, policyTypes: [Ingress, Egress]}\n"
        "---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n"
        "metadata: {name: guard}\nspec:\n  tier: Admin\n  priority: 10\n"
        "  subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: " +
        subject + "}}}\n  " + direction + ":\n  - {action: Pass, " + peers +
        ": [{namespaces: {}}]}\n  - {action: Accept, " + peers + ": [{namespaces: {}}]}\n");
    const auto why = explained(cluster, "web/web", "db/db", 5432);
    const auto rule = "ClusterNetworkPolicy/guard/" + direction;
    EXPECT_EQ(why.verdict(), Verdict::Deny);
    EXPECT_THAT(why.path, testing::Contains(HasSubstr("passed on by " + rule + "/0")));
    ASSERT_EQ(why.nearest.size(), 1u);
    EXPECT_EQ(why.nearest[0].rule, rule + "/1");
    EXPECT_EQ(why.nearest[0].why, rule + "/0 comes first and passes it on");
  }
}

TEST(Explain, SaysThatABlockIsOfTheOtherFamily) {
  const auto cluster =
      cluster_of(three_pods() + policy("{ingress: [{from: [{ipBlock: {cidr: 10.9.0.0/16}}]}]}"));
  EXPECT_EQ(explained(cluster, "2001:db8::1", "fd00::1", 80).nearest.at(0).why,
            "10.9.0.0/16 holds no IPv6 address such as 2001:db8::1");
  EXPECT_EQ(explained(cluster, "192.0.2.1", "10.0.0.1", 80).nearest.at(0).why,
            "192.0.2.1 is not in 10.9.0.0/16");
}

TEST(Explain, SaysWhatANamedPortStandsFor) {
  const auto why = [](const std::string& port) {
    const auto cluster = cluster_of(
        three_pods() +
        policy("{ingress: [{from: [{namespaceSelector: {}}], ports: [{port: " + port + "}]}]}"));
    return explained(cluster, "web/web", "db/db", 80).nearest.at(0).why;
  };
  EXPECT_EQ(why("sql"), "the rule allows TCP/sql (5432) only, not TCP/80");
  EXPECT_EQ(why("http"),
            "the rule allows TCP/http (which the destination does not have) only, not TCP/80");
}

TEST(Explain, TakesAPodsAddressForThePod) {
  const auto cluster = cluster_of(three_pods() + policy(kWebToSql));
  EXPECT_EQ(explained(cluster, "fd00::2", "10.0.0.1", 5432).from, "web/web");
  EXPECT_EQ(explained(cluster, "fd00::2", "fd00::1", 5432).verdict(), Verdict::Allow);
  EXPECT_EQ(explained(cluster, "fd00::3", "fd00::1", 5432).verdict(), Verdict::Deny);
}

TEST(Explain, SaysWhenAnAddressIsNobodys) {
  model::Settings settings;
  settings.pod_cidrs = {prefix("10.0.0.0/16")};
  const auto cluster = cluster_of(three_pods(), settings);
  const auto why = explained(cluster, "web/web", "10.0.0.99", 80);
  EXPECT_EQ(why.verdict(), Verdict::Deny);
  EXPECT_THAT(why.path, testing::Contains(HasSubstr("unknown_peer")));
  EXPECT_THAT(why.nearest, IsEmpty());
}

TEST(Explain, RefusesEndsItCannotFind) {
  const auto cluster = cluster_of(three_pods());
  EXPECT_THAT(refused(cluster, "web/none", "db/db"), HasSubstr("no pod web/none"));
  EXPECT_THAT(refused(cluster, "web", "db/db"), HasSubstr("neither namespace/pod nor an address"));
  EXPECT_THAT(refused(cluster, "1.2.3.4", "1.2.3.5"), HasSubstr("no policy here decides"));
  EXPECT_THAT(refused(cluster, "1.2.3.4", "db/db", Family::V6), HasSubstr("not an IPv6 address"));
}

}  // namespace
}  // namespace bulkhead::question
