// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/policy/parse/builders.h"

namespace bulkhead::parse {
namespace {

using model::PortRange;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<model::Rule>& egress_of(const model::Policy& policy) {
  return policy.rules_of(Direction::Egress);
}

// One egress rule to every pod, with these lines beside its peers.
std::string egress_rule(std::string_view fields, std::string_view to = "[{namespaces: {}}]") {
  return cluster_network_policy(fmt::format("  egress:\n  - to: {}\n{}", to, fields));
}

std::string repeated(std::string_view item, std::size_t times) {
  std::string list = "[";
  for (std::size_t i = 0; i < times; ++i) list += fmt::format("{}{}", i == 0 ? "" : ", ", item);
  return list + "]";
}

TEST(ClusterNetworkPolicy, ReadsTierPrioritySubjectAndRules) {
  const auto policy = policy_of(
      "apiVersion: policy.networking.k8s.io/v1alpha2\n"
      "kind: ClusterNetworkPolicy\n"
      "metadata: {name: guard.prod}\n"
      "spec:\n"
      "  tier: Baseline\n"
      "  priority: 1000\n"
      "  subject:\n"
      "    pods: {namespaceSelector: {matchLabels: {env: prod}}, podSelector: {}}\n"
      "  ingress:\n"
      "  - {name: the team, action: Pass, from: [{namespaces: {matchLabels: {team: a}}}]}\n"
      "  - {action: Deny, from: [{namespaces: {}}]}\n"
      "  egress:\n"
      "  - {action: Accept, to: [{networks: [10.0.0.0/8, 'fd00::/8']}]}\n");
  EXPECT_EQ(policy.kind, model::PolicyKind::ClusterNetworkPolicy);
  EXPECT_EQ(policy.id(), "ClusterNetworkPolicy/guard.prod");
  EXPECT_EQ(policy.tier, model::Tier::Baseline);
  EXPECT_EQ(policy.priority, 1000);
  EXPECT_EQ(policy.subject_namespaces->match_labels.at("env"), "prod");
  const auto& ingress = policy.rules_of(Direction::Ingress);
  ASSERT_EQ(ingress.size(), 2u);
  EXPECT_EQ(ingress[0].name, "the team");
  EXPECT_EQ(ingress[0].action, model::RuleAction::Pass);
  EXPECT_EQ(ingress[1].action, model::RuleAction::Deny);
  EXPECT_EQ(ingress[1].origin.text(), "f.yaml:11:5");
  EXPECT_EQ(policy.rule_id(Direction::Ingress, ingress[1]),
            "ClusterNetworkPolicy/guard.prod/ingress/1");
  ASSERT_EQ(egress_of(policy).size(), 1u);
  EXPECT_EQ(egress_of(policy)[0].peers.size(), 2u);
}

TEST(ClusterNetworkPolicy, ReadsEachFormOfProtocol) {
  const auto policy =
      policy_of(egress_rule("    action: Deny\n"
                            "    protocols:\n"
                            "    - tcp: {destinationPort: {number: 443}}\n"
                            "    - udp: {destinationPort: {range: {start: 8000, end: 8100}}}\n"
                            "    - sctp: {destinationPort: {number: 9003}}\n"
                            "    - destinationNamedPort: web\n"));
  const model::NamedPort web{"web"};
  EXPECT_THAT(
      egress_of(policy)[0].ports,
      ElementsAre(model::PortMatch{kTcp, PortRange{443, 443}},
                  model::PortMatch{kUdp, PortRange{8000, 8100}},
                  model::PortMatch{kSctp, PortRange{9003, 9003}}, model::PortMatch{kTcp, web},
                  model::PortMatch{kUdp, web}, model::PortMatch{kSctp, web}));
}

TEST(ClusterNetworkPolicy, TakesAMissingNamespaceSelectorForEveryNamespace) {
  const auto policy = policy_of(egress_rule("    action: Deny\n", "[{pods: {podSelector: {}}}]"));
  const auto& peer = std::get<model::PodPeer>(egress_of(policy)[0].peers[0]);
  EXPECT_EQ(peer.namespaces, model::LabelSelector{});
}

TEST(ClusterNetworkPolicy, RefusesPeersThatSayNothingOrTooMuch) {
  for (const auto& [peer, message] : std::vector<std::pair<std::string, std::string>>{
           {"[{}]", "spec.egress[0].to[0] in body should have at least 1 properties"},
           {"[{namespaces: {}, nodes: {}}]", "Too many: 2: must have at most 1 item"},
           {"[{namespaces: }]", "must be a map, not nothing"},
           {"[{pods: {}}]", "spec.egress[0].to[0].pods.podSelector: Required value"},
           {"[{pods: {podSelector: {}, namespaceSelector: }}]", "must be a map, not nothing"},
           {"[{namspaces: {}}]", "did you mean \"namespaces\"?"},
           {"[{networks: []}]", "should have at least 1 items"},
           {"[{networks: [10.0.0.0/8, 10.0.0.0/8]}]", "Duplicate value: \"10.0.0.0/8\""},
           {"[{networks: [10.0.0.300/8]}]", "Invalid CIDR format provided"},
           {"[{domainNames: [localhost]}]", "must be a domain name"},
           {"[{domainNames: ['*']}]", "must be a domain name"},
           {"[]", "spec.egress[0].to in body should have at least 1 items"}}) {
    EXPECT_THAT(only_error(egress_rule("    action: Deny\n", peer)), HasSubstr(message)) << peer;
  }
  EXPECT_THAT(only_error(cluster_network_policy(
                  "  ingress:\n  - {action: Accept, from: [{networks: [10.0.0.0/8]}]}\n")),
              HasSubstr("unknown field \"networks\" in spec.ingress[0].from[0]"));
}

TEST(ClusterNetworkPolicy, RefusesHalfWrittenRules) {
  for (const auto& [fields, message] : std::vector<std::pair<std::string, std::string>>{
           {"    name: a\n", "spec.egress[0].action: Required value"},
           {"    action: Allow\n", R"(supported values: "Accept", "Deny", "Pass")"},
           {"    action: Deny\n    ports: []\n", "unknown field \"ports\""},
           {"    action: Deny\n    protocols: []\n", "should have at least 1 items"},
           {"    action: Deny\n    protocols:\n", "protocols: Required value"},
           {"    action: Deny\n    protocols: [{tcp: {}}]\n", "at least 1 properties"},
           {"    action: Deny\n    protocols: [{tcp: {destinationPort: {}}}]\n",
            "at least 1 properties"},
           {"    action: Deny\n    protocols: [{tcp: {destinationPort: {number: 0}}}]\n",
            "should be greater than or equal to 1"},
           {"    action: Deny\n"
            "    protocols: [{tcp: {destinationPort: {range: {start: 9, end: 9}}}}]\n",
            "Start port must be less than End port"},
           {"    action: Deny\n    protocols: [{destinationNamedPort: Web}]\n",
            "must contain only alpha-numeric characters"}}) {
    EXPECT_THAT(only_error(egress_rule(fields)), HasSubstr(message)) << fields;
  }
}

TEST(ClusterNetworkPolicy, HoldsTheLimitsOfTheSchema) {
  const std::string peer = "{namespaces: {}}";
  const std::string rule = "{action: Deny, to: [{namespaces: {}}]}";
  EXPECT_FALSE(read(egress_rule("    action: Deny\n", repeated(peer, 25))).is_broken());
  EXPECT_THAT(only_error(egress_rule("    action: Deny\n", repeated(peer, 26))),
              HasSubstr("spec.egress[0].to: Too many: 26: must have at most 25 items"));
  EXPECT_FALSE(read(cluster_network_policy("  egress: " + repeated(rule, 25))).is_broken());
  EXPECT_THAT(only_error(cluster_network_policy("  egress: " + repeated(rule, 26))),
              HasSubstr("spec.egress: Too many: 26: must have at most 25 items"));
  const std::string name(100, 'n');
  EXPECT_FALSE(read(egress_rule("    action: Deny\n    name: " + name + "\n")).is_broken());
  EXPECT_THAT(only_error(egress_rule("    action: Deny\n    name: " + name + "n\n")),
              HasSubstr("spec.egress[0].name: Too long: may not be more than 100 bytes"));
}

TEST(ClusterNetworkPolicy, RefusesBadTiersAndPriorities) {
  const auto spec = [](std::string_view tier, std::string_view priority) {
    return fmt::format(
        "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n"
        "metadata: {{name: guard}}\nspec: {{tier: {}, priority: {}, subject: {{namespaces: "
        "{{}}}}}}\n",
        tier, priority);
  };
  EXPECT_FALSE(read(spec("Admin", "0")).is_broken());
  EXPECT_THAT(only_error(spec("admin", "0")),
              HasSubstr(R"(supported values: "Admin", "Baseline")"));
  EXPECT_THAT(only_error(spec("Admin", "1001")),
              HasSubstr("spec.priority in body should be less than or equal to 1000"));
  EXPECT_THAT(only_error(spec("Admin", "-1")), HasSubstr("greater than or equal to 0"));
  EXPECT_THAT(only_error(spec("Admin", "'5'")), HasSubstr("must be an integer"));
  EXPECT_THAT(only_error(spec("", "4294967296")), HasSubstr("spec.tier: Required value"));
}

TEST(ClusterNetworkPolicy, RefusesASubjectThatSelectsByNothing) {
  const std::string text =
      "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n"
      "metadata: {name: guard}\nspec: {tier: Admin, priority: 1, subject: ";
  EXPECT_THAT(only_error(text + "{}}\n"), HasSubstr("spec.subject in body should have at least 1"));
  EXPECT_THAT(only_error(text + "}\n"), HasSubstr("spec.subject: Required value"));
  EXPECT_THAT(only_error(text + "{namespaces: {}, pods: {podSelector: {}}}}\n"),
              HasSubstr("Too many: 2"));
}

// "If present but empty, it selects all Nodes."
TEST(ClusterNetworkPolicy, ReadsPeersThatAreNodes) {
  const auto file = read(egress_rule(
      "    action: Deny\n", "[{nodes: {}}, {nodes: {matchLabels: {kubernetes.io/os: linux}}}]"));
  ASSERT_FALSE(file.is_broken()) << file.errors[0].text();
  EXPECT_THAT(file.warnings, IsEmpty());
  const auto& rule = egress_of(*file.objects.policies[0])[0];
  EXPECT_EQ(rule.action, model::RuleAction::Deny);
  EXPECT_THAT(rule.peers,
              ElementsAre(model::Peer{model::NodePeer{}},
                          model::Peer{model::NodePeer{{{{"kubernetes.io/os", "linux"}}, {}}}}));
  EXPECT_THAT(only_error(egress_rule("    action: Deny\n", "[{nodes: {matchLabel: {a: b}}}]")),
              HasSubstr("unknown field \"matchLabel\""));
}

// "For Accept rules, fail closed means: treat the rule as matching no traffic."
TEST(ClusterNetworkPolicy, LetsAnAcceptRuleWithUnenforcedPeersMatchNothing) {
  const auto file =
      read(egress_rule("    action: Accept\n",
                       "[{namespaces: {}}, {domainNames: ['*.example.com', example.org., "
                       "_dmarc.example.com]}]"));
  ASSERT_FALSE(file.is_broken()) << file.errors[0].text();
  const auto& rule = egress_of(*file.objects.policies[0])[0];
  ASSERT_EQ(rule.peers.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<model::UnsupportedPeer>(rule.peers[0]));
  ASSERT_EQ(file.warnings.size(), 1u);
  EXPECT_THAT(file.warnings[0].text(), HasSubstr("this Accept rule matches nothing"));
}

// "For Deny and Pass rules, fail closed means: treat the rule as a 'Deny all' rule."
TEST(ClusterNetworkPolicy, TurnsDenyAndPassRulesWithUnenforcedPeersIntoDenyAll) {
  for (const std::string action : {"Deny", "Pass"}) {
    const auto file =
        read(egress_rule(fmt::format("    action: {}\n    protocols: [{{tcp: {{destinationPort: "
                                     "{{number: 22}}}}}}]\n",
                                     action),
                         "[{nodes: {}}, {domainNames: [example.com]}]"));
    ASSERT_FALSE(file.is_broken()) << file.errors[0].text();
    const auto& rule = egress_of(*file.objects.policies[0])[0];
    EXPECT_EQ(rule.action, model::RuleAction::Deny);
    EXPECT_THAT(rule.peers, IsEmpty());
    EXPECT_THAT(rule.ports, IsEmpty());
    ASSERT_EQ(file.warnings.size(), 1u);
    EXPECT_THAT(file.warnings[0].text(),
                HasSubstr(fmt::format("this {} rule denies all egress", action)));
  }
}

TEST(ClusterNetworkPolicy, RefusesNamedPortsOfPeersWithoutNames) {
  EXPECT_THAT(only_error(egress_rule("    action: Deny\n"
                                     "    protocols: [{destinationNamedPort: web}]\n",
                                     "[{namespaces: {}}, {networks: [10.0.0.0/8]}]")),
              HasSubstr("networks/nodes/domainNames peer cannot be set with namedPorts"));
}

TEST(ClusterNetworkPolicy, BelongsToNoNamespaceAndMayBeStaged) {
  const std::string tail = "spec: {tier: Admin, priority: 1, subject: {namespaces: {}}}\n";
  const std::string head =
      "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n";
  EXPECT_THAT(only_error(head + "metadata: {name: guard, namespace: db}\n" + tail),
              HasSubstr("metadata.namespace: Forbidden: not allowed on this type"));
  EXPECT_TRUE(
      policy_of(head + "metadata: {name: guard, annotations: {bulkhead.io/mode: staged}}\n" + tail)
          .staged);
  EXPECT_THAT(
      only_error(head + "metadata: {name: guard, annotations: {bulkhead.io/default: deny}}\n" +
                 tail),
      HasSubstr("unknown annotation"));
}

}  // namespace
}  // namespace bulkhead::parse
