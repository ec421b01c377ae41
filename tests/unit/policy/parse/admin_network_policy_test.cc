// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/policy/parse/builders.h"

namespace bulkhead::parse {
namespace {

using model::PortRange;
using testing::ElementsAre;
using testing::HasSubstr;

std::string admin(std::string_view rules) {
  return "apiVersion: policy.networking.k8s.io/v1alpha1\n"
         "kind: AdminNetworkPolicy\n"
         "metadata: {name: guard}\n"
         "spec:\n"
         "  priority: 7\n"
         "  subject: {namespaces: {matchLabels: {env: prod}}}\n" +
         std::string(rules);
}

std::string baseline(std::string_view rules, std::string_view name = "default") {
  return fmt::format(
      "apiVersion: policy.networking.k8s.io/v1alpha1\n"
      "kind: BaselineAdminNetworkPolicy\n"
      "metadata: {{name: {}}}\n"
      "spec:\n"
      "  subject: {{namespaces: {{}}}}\n{}",
      name, rules);
}

TEST(AdminNetworkPolicy, BecomesAPolicyOfTheAdminTier) {
  const auto policy =
      policy_of(admin("  ingress:\n"
                      "  - action: Allow\n"
                      "    from: [{namespaces: {}}]\n"
                      "    ports:\n"
                      "    - portNumber: {protocol: UDP, port: 53}\n"
                      "    - portNumber: {port: 80}\n"
                      "    - portRange: {protocol: SCTP, start: 9000, end: 9010}\n"
                      "    - namedPort: web\n"));
  EXPECT_EQ(policy.id(), "AdminNetworkPolicy/guard");
  EXPECT_EQ(policy.tier, model::Tier::Admin);
  EXPECT_EQ(policy.priority, 7);
  const auto& rule = policy.rules_of(Direction::Ingress)[0];
  EXPECT_EQ(rule.action, model::RuleAction::Accept);
  EXPECT_EQ(policy.rule_id(Direction::Ingress, rule), "AdminNetworkPolicy/guard/ingress/0");
  const model::NamedPort web{"web"};
  EXPECT_THAT(rule.ports, ElementsAre(model::PortMatch{kUdp, PortRange{53, 53}},
                                      model::PortMatch{kTcp, PortRange{80, 80}},
                                      model::PortMatch{kSctp, PortRange{9000, 9010}},
                                      model::PortMatch{kTcp, web}, model::PortMatch{kUdp, web},
                                      model::PortMatch{kSctp, web}));
}

TEST(AdminNetworkPolicy, KeepsItsOwnWordsAndFields) {
  EXPECT_THAT(only_error(admin("  egress: [{action: Accept, to: [{namespaces: {}}]}]\n")),
              HasSubstr(R"(supported values: "Allow", "Deny", "Pass")"));
  EXPECT_THAT(
      only_error(admin("  egress: [{action: Deny, to: [{namespaces: {}}], protocols: []}]\n")),
      HasSubstr("unknown field \"protocols\""));
  EXPECT_THAT(only_error(admin("  tier: Admin\n")), HasSubstr("unknown field \"tier\""));
  EXPECT_THAT(only_error(admin("  egress:\n  - action: Deny\n    to: [{namespaces: {}}]\n"
                               "    ports: [{portRange: {start: 5, end: 4}}]\n")),
              HasSubstr("Start port must be less than End port"));
}

TEST(AdminNetworkPolicy, ReadsPeersThatAreNodes) {
  for (const auto& text : {admin("  egress: [{action: Pass, to: [{nodes: {}}]}]\n"),
                           baseline("  egress: [{action: Deny, to: [{nodes: {}}]}]\n")}) {
    EXPECT_EQ(policy_of(text).rules_of(Direction::Egress)[0].peers.at(0),
              model::Peer{model::NodePeer{}});
  }
}

TEST(AdminNetworkPolicy, FailsClosedOnDomainNames) {
  const auto policy =
      policy_of(admin("  egress: [{action: Pass, to: [{domainNames: [example.com]}]}]\n"));
  EXPECT_EQ(policy.rules_of(Direction::Egress)[0].action, model::RuleAction::Deny);
  const auto allowing =
      policy_of(admin("  egress: [{action: Allow, to: [{domainNames: [example.com]}]}]\n"));
  EXPECT_TRUE(std::holds_alternative<model::UnsupportedPeer>(
      allowing.rules_of(Direction::Egress)[0].peers.at(0)));
}

TEST(AdminNetworkPolicy, ReadsTypedLists) {
  const auto file = read(
      "apiVersion: policy.networking.k8s.io/v1alpha1\n"
      "kind: AdminNetworkPolicyList\n"
      "items:\n"
      "- metadata: {name: a}\n"
      "  spec: {priority: 1, subject: {namespaces: {}}}\n");
  ASSERT_FALSE(file.is_broken()) << file.errors[0].text();
  EXPECT_EQ(file.objects.policies.at(0)->id(), "AdminNetworkPolicy/a");
}

TEST(BaselineAdminNetworkPolicy, IsTheLastOfTheBaselineTier) {
  const auto policy =
      policy_of(baseline("  ingress: [{action: Deny, from: [{namespaces: {}}]}]\n"));
  EXPECT_EQ(policy.id(), "BaselineAdminNetworkPolicy/default");
  EXPECT_EQ(policy.tier, model::Tier::Baseline);
  EXPECT_GT(policy.priority, 1000);
}

TEST(BaselineAdminNetworkPolicy, RefusesOtherNamesPassAndPriority) {
  EXPECT_THAT(only_error(baseline("", "guard")),
              HasSubstr("Only one baseline admin network policy with metadata.name=\"default\""));
  EXPECT_THAT(only_error(baseline("  ingress: [{action: Pass, from: [{namespaces: {}}]}]\n")),
              HasSubstr(R"(supported values: "Allow", "Deny")"));
  EXPECT_THAT(only_error(baseline("  priority: 3\n")), HasSubstr("unknown field \"priority\""));
  EXPECT_THAT(only_error(baseline("  egress: [{action: Allow, to: [{domainNames: [a.b]}]}]\n")),
              HasSubstr("unknown field \"domainNames\""));
}

// A broken policy of the whole cluster speaks for every namespace: nothing new may be published.
TEST(BaselineAdminNetworkPolicy, SpeaksForTheWholeClusterWhenBroken) {
  EXPECT_FALSE(read(baseline("  ingres: []\n")).is_scope_known);
}

}  // namespace
}  // namespace bulkhead::parse
