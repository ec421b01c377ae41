// SPDX-License-Identifier: Apache-2.0
#include "policy/question/shadow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/question/lint.h"
#include "tests/unit/policy/oracle/builders.h"

namespace bulkhead::question {
namespace {

using oracle::cluster_of;
using oracle::policy;
using oracle::three_pods;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A ClusterNetworkPolicy about every pod; `rules` such as "ingress: [...]".
std::string guard(std::string_view rules, std::string_view name = "guard",
                  std::string_view tier = "Admin", std::string_view annotations = "{}") {
  return fmt::format(
      "---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n"
      "metadata: {{name: {}, annotations: {}}}\n"
      "spec:\n  tier: {}\n  priority: 5\n  subject: {{namespaces: {{}}}}\n  {}\n",
      name, annotations, tier, rules);
}
std::string deny_web(std::string_view protocols = "") {
  return fmt::format(
      "ingress: [{{action: Deny, from: [{{namespaces: {{matchLabels: "
      "{{kubernetes.io/metadata.name: web}}}}}}]{}}}]",
      protocols);
}
// db takes port 81 from all of the namespace web.
std::string allow_web(std::string_view ports = "[{port: 81}]") {
  return policy(
      fmt::format("{{ingress: [{{from: [{{namespaceSelector: {{matchLabels: "
                  "{{kubernetes.io/metadata.name: web}}}}}}], ports: {}}}]}}",
                  ports));
}

// "SHADOWED < BY, BY" of each rule found.
std::vector<std::string> shadows(const std::string& policies) {
  const auto cluster = cluster_of(three_pods() + policies);
  std::vector<std::string> texts;
  for (const auto& shadow : find_shadows(cluster)) {
    std::vector<std::string> by;
    for (const auto& one : shadow.by)
      by.push_back(one.policy->rule_id(shadow.direction, *one.rule));
    texts.push_back(fmt::format("{} < {}", shadow.policy->rule_id(shadow.direction, *shadow.rule),
                                fmt::join(by, ", ")));
  }
  return texts;
}

constexpr auto kFound = "NetworkPolicy/db/p/ingress/0 < ClusterNetworkPolicy/guard/ingress/0";

TEST(Shadow, FindsARuleThatTheAdminTierDecides) {
  EXPECT_THAT(shadows(allow_web() + guard(deny_web())), ElementsAre(kFound));
}

TEST(Shadow, FindsItByPortsAndNamedPorts) {
  const auto on_ports = [](int first, int last) {
    return guard(deny_web(fmt::format(
        ", protocols: [{{tcp: {{destinationPort: {{range: {{start: {}, end: {}}}}}}}}}]", first,
        last)));
  };
  EXPECT_THAT(shadows(allow_web() + on_ports(80, 90)), ElementsAre(kFound));
  EXPECT_THAT(shadows(allow_web("[{port: sql}]") + on_ports(5000, 6000)), ElementsAre(kFound));
  EXPECT_THAT(shadows(allow_web("[{port: sql}]") + on_ports(80, 90)), IsEmpty());
  EXPECT_THAT(shadows(allow_web("[{port: 85, endPort: 91}]") + on_ports(80, 90)), IsEmpty());
}

TEST(Shadow, FindsItWhereSeveralRulesShareIt) {
  const auto half = [](std::string_view app, std::string_view name) {
    return guard(
        fmt::format("ingress: [{{action: Deny, from: [{{pods: {{podSelector: {{matchLabels: "
                    "{{app: {}}}}}}}}}]}}]",
                    app),
        name);
  };
  EXPECT_THAT(shadows(allow_web() + half("web", "a") + half("api", "b")),
              ElementsAre("NetworkPolicy/db/p/ingress/0 < ClusterNetworkPolicy/a/ingress/0, "
                          "ClusterNetworkPolicy/b/ingress/0"));
  EXPECT_THAT(shadows(allow_web() + half("web", "a")), IsEmpty());
}

TEST(Shadow, IsNoneWhereARuleStillDecidesSomething) {
  // A Pass rule in front, another direction, a staged guard, and a guard of the Baseline tier.
  const std::string pass =
      "ingress: [{action: Pass, from: [{namespaces: {}}]}, {action: Deny, from: [{namespaces: "
      "{}}]}]";
  EXPECT_THAT(shadows(allow_web() + guard(pass)), IsEmpty());
  EXPECT_THAT(shadows(allow_web() + guard("egress: [{action: Deny, to: [{namespaces: {}}]}]")),
              IsEmpty());
  EXPECT_THAT(
      shadows(allow_web() + guard(deny_web(), "guard", "Admin", "{bulkhead.io/mode: staged}")),
      IsEmpty());
  EXPECT_THAT(shadows(allow_web() + guard(deny_web(), "guard", "Baseline")), IsEmpty());
}

TEST(Shadow, LooksAtAddressesToo) {
  const auto out = [](std::string_view block) {
    return policy(fmt::format("{{egress: [{{to: [{{ipBlock: {{cidr: {}}}}}]}}]}}", block));
  };
  const std::string no_internet =
      guard("egress: [{action: Deny, to: [{networks: [203.0.113.0/24, 'fd01::/16']}]}]");
  EXPECT_THAT(shadows(out("203.0.113.128/25") + no_internet),
              ElementsAre("NetworkPolicy/db/p/egress/0 < ClusterNetworkPolicy/guard/egress/0"));
  EXPECT_THAT(shadows(out("203.0.112.0/23") + no_internet), IsEmpty());
  EXPECT_THAT(shadows(out("'fd01:1::/32'") + no_internet),
              ElementsAre("NetworkPolicy/db/p/egress/0 < ClusterNetworkPolicy/guard/egress/0"));
  EXPECT_THAT(shadows(out("'::/0'") + no_internet), IsEmpty());
}

TEST(Shadow, SaysNothingOfARuleThatConcernsNobody) {
  EXPECT_THAT(shadows(policy("{podSelector: {matchLabels: {app: none}}, ingress: [{}]}") +
                      guard("ingress: [{action: Deny, from: [{namespaces: {}}]}]")),
              IsEmpty());
}

TEST(Shadow, FindsBaselineAndLaterAdminRules) {
  const std::string everything = "ingress: [{action: Deny, from: [{namespaces: {}}]}]";
  EXPECT_THAT(shadows(guard(everything) + guard(deny_web(), "base", "Baseline")),
              ElementsAre("ClusterNetworkPolicy/base/ingress/0 < "
                          "ClusterNetworkPolicy/guard/ingress/0"));
}

TEST(Lint, NamesTheAdminRuleThatShadowsAndItsPlace) {
  const auto findings = lint(cluster_of(three_pods() + allow_web() + guard(deny_web())));
  const auto found = std::ranges::find(findings, "BL012", &Finding::id);
  ASSERT_NE(found, findings.end());
  EXPECT_EQ(found->object, "NetworkPolicy/db/p/ingress/0");
  EXPECT_THAT(found->message, HasSubstr("ClusterNetworkPolicy/guard/ingress/0 (f.yaml:"));
}

TEST(Lint, NotesAStagedNamespace) {
  const std::string space =
      "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: db, annotations: "
      "{bulkhead.io/mode: staged}}\n";
  const auto findings = lint(cluster_of(three_pods() + space + policy("{}")));
  const auto found = std::ranges::find(findings, "BL013", &Finding::id);
  ASSERT_NE(found, findings.end());
  EXPECT_EQ(found->object, "Namespace/db");
  EXPECT_THAT(found->message, HasSubstr("1 of its policies are counted"));
  // A staged policy closes nothing: the namespace is open.
  EXPECT_NE(std::ranges::find(findings, "BL005", &Finding::id), findings.end());
}

}  // namespace
}  // namespace bulkhead::question
