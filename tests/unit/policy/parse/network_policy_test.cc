// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/policy/parse/builders.h"

namespace bulkhead::parse {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr auto kIngress = static_cast<std::size_t>(Direction::Ingress);
constexpr auto kEgress = static_cast<std::size_t>(Direction::Egress);

// The error of an ingress rule with these ports, each written in flow style.
std::string port_error(std::string_view ports) {
  return only_error(
      network_policy(fmt::format("  podSelector: {{}}\n  ingress: [{{ports: [{}]}}]\n", ports)));
}
std::string peer_error(std::string_view peers) {
  return only_error(
      network_policy(fmt::format("  podSelector: {{}}\n  ingress: [{{from: [{}]}}]\n", peers)));
}
std::string selector_error(std::string_view selector) {
  return only_error(network_policy(fmt::format("  podSelector: {}\n", selector)));
}

TEST(NetworkPolicy, ReadsEveryField) {
  const auto policy = policy_of(network_policy(
      "  podSelector: {matchLabels: {app: web}}\n"
      "  policyTypes: [Ingress, Egress]\n"
      "  ingress:\n"
      "  - from:\n"
      "    - podSelector: {matchExpressions: [{key: a, operator: NotIn, values: [b]}]}\n"
      "      namespaceSelector: {}\n"
      "    - ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}\n"
      "    ports:\n"
      "    - {protocol: SCTP, port: 80, endPort: 90}\n"
      "    - {port: http}\n"
      "    - {}\n"
      "  egress: [{to: [{ipBlock: {cidr: 'fd00::/8'}}]}]\n"));
  EXPECT_EQ(policy.id(), "NetworkPolicy/db/web");
  EXPECT_EQ(policy.origin.text(), "f.yaml:1:1");
  ASSERT_TRUE(policy.policy_types.has_value());
  EXPECT_THAT(*policy.policy_types, testing::ElementsAre(Direction::Ingress, Direction::Egress));
  const auto& rule = policy.rules[kIngress].at(0);
  EXPECT_EQ(policy.rule_id(Direction::Ingress, rule), "NetworkPolicy/db/web/ingress/0");
  EXPECT_EQ(rule.origin.text(), "f.yaml:8:5");
  ASSERT_EQ(rule.peers.size(), 2u);
  const auto& pods = std::get<model::PodPeer>(rule.peers[0]);
  ASSERT_TRUE(pods.namespaces && pods.pods);
  EXPECT_EQ(pods.pods->match_expressions[0].op, model::LabelSelector::Operator::NotIn);
  EXPECT_EQ(std::get<model::CidrPeer>(rule.peers[1]).except.at(0).text(), "10.1.0.0/16");
  EXPECT_EQ(rule.ports[0], (model::PortMatch{kSctp, model::PortRange{80, 90}}));
  EXPECT_EQ(rule.ports[1], (model::PortMatch{kTcp, model::NamedPort{"http"}}));
  EXPECT_EQ(rule.ports[2], (model::PortMatch{kTcp, model::PortRange{0, 65535}}));
  EXPECT_EQ(policy.rules[kEgress].size(), 1u);
}

TEST(NetworkPolicy, KeepsAbsentPolicyTypesApartFromWrittenOnes) {
  EXPECT_FALSE(policy_of(network_policy("  podSelector: {}\n")).policy_types.has_value());
  EXPECT_FALSE(policy_of(network_policy("  policyTypes: []\n")).policy_types.has_value());
  EXPECT_TRUE(policy_of(network_policy("  policyTypes: [Egress]\n")).policy_types.has_value());
}

TEST(NetworkPolicy, NamesTheNearestFieldForAnUnknownOne) {
  EXPECT_EQ(only_error(network_policy("  podSelector: {}\n  ingress:\n  - form: []\n")),
            "f.yaml:7:5: unknown field \"form\" in spec.ingress[0]; did you mean \"from\"?");
  EXPECT_THAT(only_error(network_policy("  podselector: {}\n")), HasSubstr("\"podSelector\"?"));
  EXPECT_THAT(selector_error("{matchlabels: {}}"), HasSubstr("\"matchLabels\"?"));
  EXPECT_THAT(port_error("{prot: 80}"), HasSubstr("did you mean \"port\"?"));
  EXPECT_THAT(peer_error("{ipBlock: {cdir: 10.0.0.0/8}}"), HasSubstr("\"cidr\"?"));
  EXPECT_THAT(only_error(network_policy("  xyzzy: 1\n")), HasSubstr("known are podSelector"));
}

TEST(NetworkPolicy, RefusesARuleOfTheOtherDirection) {
  EXPECT_THAT(only_error(network_policy("  ingress: [{to: []}]\n")), HasSubstr("field \"to\""));
  EXPECT_THAT(only_error(network_policy("  egress: [{from: []}]\n")), HasSubstr("field \"from\""));
}

TEST(NetworkPolicy, ChecksPortsAsTheApiServerDoes) {
  EXPECT_EQ(port_error("{port: 70000}"),
            "f.yaml:6:29: spec.ingress[0].ports[0].port: Invalid value: \"70000\": must be between "
            "1 and 65535, inclusive");
  EXPECT_EQ(port_error("{port: 65535}"), "no error");
  for (const char* bad : {"{port: 0}", "{port: -1}", "{port: 080}", "{port: 8.5}", "{port: 0x50}",
                          "{port: true}", "{port: []}", "{port: 65536}"}) {
    EXPECT_THAT(port_error(bad), HasSubstr("must be between 1 and 65535")) << bad;
  }
  EXPECT_THAT(port_error("{port: 80, endPort: 79}"),
              HasSubstr("must be greater than or equal to `port`"));
  EXPECT_THAT(port_error("{endPort: 79}"),
              HasSubstr("may not be specified when `port` is not specified"));
  EXPECT_THAT(port_error("{port: http, endPort: 79}"),
              HasSubstr("may not be specified when `port` is non-numeric"));
  EXPECT_EQ(port_error("{port: 80, endPort: 80}"), "no error");
  EXPECT_THAT(
      port_error("{protocol: tcp}"),
      HasSubstr("Unsupported value: \"tcp\": supported values: \"SCTP\", \"TCP\", \"UDP\""));
  EXPECT_THAT(port_error("{protocol: ICMP}"), HasSubstr("Unsupported value"));
}

TEST(NetworkPolicy, ChecksPortNames) {
  EXPECT_THAT(port_error("{port: '80'}"), HasSubstr("at least one letter (a-z)"));
  EXPECT_THAT(port_error("{port: HTTP}"), HasSubstr("alpha-numeric characters (a-z, 0-9)"));
  EXPECT_THAT(port_error("{port: a-name-of-16-chs}"), HasSubstr("no more than 15 characters"));
  EXPECT_THAT(port_error("{port: a--b}"), HasSubstr("consecutive hyphens"));
  EXPECT_THAT(port_error("{port: a-}"), HasSubstr("must not begin or end with a hyphen"));
  EXPECT_EQ(port_error("{port: a-15-char-name1}"), "no error");
}

TEST(NetworkPolicy, RequiresAPeerInEachItem) {
  EXPECT_THAT(peer_error("{}"), HasSubstr("spec.ingress[0].from[0]: Required value: must specify"));
  EXPECT_THAT(peer_error("null"), HasSubstr("must specify a peer"));
  EXPECT_THAT(peer_error("{podSelector: null}"),
              HasSubstr("spec.ingress[0].from[0].podSelector: Required value"));
  EXPECT_THAT(peer_error("{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}"),
              HasSubstr("may not specify both ipBlock and another peer"));
  EXPECT_EQ(peer_error("{podSelector: {}}"), "no error");
}

// The API server would take each for an absent field: every peer, every port, no exception.
TEST(NetworkPolicy, RefusesFieldsWithoutAValue) {
  for (const char* rule :
       {"{from: }", "{ports: }", "{from: [{podSelector: {}}], ports: }",
        "{from: [{podSelector: , namespaceSelector: {}}]}",
        "{from: [{podSelector: {matchLabels: }}]}",
        "{from: [{podSelector: {matchLabels: {app: }}}]}",
        "{from: [{podSelector: {matchExpressions: }}]}",
        "{from: [{ipBlock: {cidr: 10.0.0.0/8, except: }}]}", "{ports: [{protocol: TCP, port: }]}",
        "{ports: [{port: 80, protocol: }]}", "{ports: [{port: 80, endPort: }]}"}) {
    EXPECT_THAT(
        only_error(network_policy(fmt::format("  podSelector: {{}}\n  ingress: [{}]\n", rule))),
        HasSubstr("Required value: give it a value or leave it out"))
        << rule;
  }
  for (const char* spec : {"podSelector: ", "policyTypes: ", "ingress: ", "egress: "}) {
    EXPECT_THAT(only_error(network_policy(fmt::format("  {}\n", spec))),
                HasSubstr("Required value"))
        << spec;
  }
}

TEST(NetworkPolicy, RefusesANamespaceWithoutAName) {
  for (const char* name : {"", "''", "[]"}) {
    EXPECT_TRUE(read(fmt::format("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
                                 "metadata: {{name: a, namespace: {}}}\n"
                                 "spec: {{podSelector: {{}}}}\n",
                                 name))
                    .is_broken())
        << name;
  }
}

TEST(NetworkPolicy, RefusesEmptyListItems) {
  EXPECT_THAT(only_error(network_policy("  ingress: [null]\n")), HasSubstr("must be a map"));
  EXPECT_THAT(port_error("null"), HasSubstr("must be a map, not nothing"));
}

TEST(NetworkPolicy, ChecksBlocksAndExceptions) {
  EXPECT_THAT(peer_error("{ipBlock: {}}"), HasSubstr("cidr: Required value"));
  for (const char* bad : {"10.0.0.0", "10.0.0.0/33", "fd00::/129", "x", "10.0.0/8", "''"}) {
    EXPECT_THAT(peer_error(fmt::format("{{ipBlock: {{cidr: {}}}}}", bad)),
                HasSubstr("must be a valid CIDR value"))
        << bad;
  }
  EXPECT_THAT(peer_error("{ipBlock: {cidr: '::ffff:10.0.0.0/104'}}"), HasSubstr("IPv4-mapped"));
  for (const char* bad : {"10.0.0.0/8", "0.0.0.0/0", "11.0.0.0/16", "fd00::/16"}) {
    EXPECT_THAT(peer_error(fmt::format("{{ipBlock: {{cidr: 10.0.0.0/8, except: ['{}']}}}}", bad)),
                HasSubstr("must be a strict subset of `cidr`"))
        << bad;
  }
  EXPECT_EQ(peer_error("{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/9]}}"), "no error");
}

TEST(NetworkPolicy, CanonicalisesLegacyBlocksWithAWarning) {
  const auto file = read(network_policy("  ingress: [{from: [{ipBlock: {cidr: 10.1.2.3/8}}]}]\n"));
  ASSERT_FALSE(file.is_broken());
  ASSERT_EQ(file.warnings.size(), 1u);
  EXPECT_THAT(file.warnings[0].text(), HasSubstr("has host bits set; read as 10.0.0.0/8"));
}

TEST(NetworkPolicy, ChecksSelectors) {
  const auto expression = [](std::string_view text) {
    return selector_error(fmt::format("{{matchExpressions: [{{{}}}]}}", text));
  };
  EXPECT_THAT(expression("key: a, operator: In"),
              HasSubstr("must be specified when `operator` is 'In' or 'NotIn'"));
  EXPECT_THAT(expression("key: a, operator: NotIn, values: []"), HasSubstr("must be specified"));
  EXPECT_THAT(expression("key: a, operator: Exists, values: [b]"),
              HasSubstr("may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  EXPECT_THAT(expression("key: a, operator: in, values: [b]"),
              HasSubstr("not a valid selector operator"));
  EXPECT_THAT(expression("operator: Exists"), HasSubstr("key: Required value"));
  EXPECT_THAT(expression("key: a b, operator: Exists"), HasSubstr("name part must consist"));
  EXPECT_THAT(expression("key: a, operator: In, values: [-b]"), HasSubstr("a valid label must be"));
  EXPECT_EQ(expression("key: a, operator: DoesNotExist"), "no error");
}

TEST(NetworkPolicy, ChecksLabels) {
  EXPECT_THAT(selector_error("{matchLabels: {app: 1}}"), HasSubstr("write it in quotes: \"1\""));
  EXPECT_THAT(selector_error("{matchLabels: {app: true}}"), HasSubstr("not a boolean"));
  EXPECT_THAT(selector_error("{matchLabels: {app: 1e3}}"), HasSubstr("not a number"));
  EXPECT_THAT(selector_error("{matchLabels: {/app: x}}"),
              HasSubstr("prefix part must be non-empty"));
  EXPECT_THAT(selector_error("{matchLabels: {A.com/app: x}}"),
              HasSubstr("prefix part a lowercase"));
  EXPECT_THAT(selector_error(fmt::format("{{matchLabels: {{a: {}}}}}", std::string(64, 'x'))),
              HasSubstr("no more than 63"));
  EXPECT_EQ(selector_error("{matchLabels: {a.io/b_c.D: 'true', e: 1.2.3}}"), "no error");
}

TEST(NetworkPolicy, ChecksPolicyTypes) {
  EXPECT_THAT(only_error(network_policy("  policyTypes: [ingress]\n")),
              HasSubstr("supported values: \"Egress\", \"Ingress\""));
  EXPECT_THAT(only_error(network_policy("  policyTypes: [Ingress, Egress, Ingress]\n")),
              HasSubstr("may not specify more than two policyTypes"));
}

TEST(NetworkPolicy, ChecksItsMetadata) {
  const auto with = [](std::string_view metadata) {
    return only_error(
        fmt::format("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
                    "metadata: {}\nspec: {{podSelector: {{}}}}\n",
                    metadata));
  };
  EXPECT_EQ(with("{name: a.b, namespace: c}"), "no error");
  EXPECT_THAT(with("{name: A, namespace: c}"), HasSubstr("RFC 1123 subdomain"));
  EXPECT_THAT(with("{name: a, namespace: c.d}"), HasSubstr("RFC 1123 label"));
  EXPECT_THAT(with("{namespace: c}"), HasSubstr("metadata.name: Required value"));
  EXPECT_THAT(with("{name: 12, namespace: c}"), HasSubstr("write it in quotes"));
  EXPECT_THAT(with("{name: a, namespce: c}"), HasSubstr("did you mean \"namespace\"?"));
  EXPECT_THAT(with("{name: a, annotations: {bulkhead.io/mode: enforce}}"),
              HasSubstr("supported values: \"staged\""));
  EXPECT_THAT(with("{name: a, annotations: {bulkhead.io/mod: staged}}"),
              HasSubstr("unknown annotation \"bulkhead.io/mod\""));
}

TEST(NetworkPolicy, IsStagedByAnnotation) {
  std::string text = network_policy("  podSelector: {}\n");
  EXPECT_FALSE(policy_of(text).staged);
  text.replace(text.find("namespace: db"), 13,
               "namespace: db, annotations: {bulkhead.io/mode: staged}");
  EXPECT_TRUE(policy_of(text).staged);
}

TEST(NetworkPolicy, NeedsASpec) {
  EXPECT_THAT(only_error("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
                         "metadata: {name: a}\n"),
              StartsWith("f.yaml:1:1: spec: Required value"));
}

TEST(NetworkPolicy, ReportsSeveralErrorsAtOnce) {
  const auto file = read(network_policy("  podSelektor: {}\n  policyTypes: [x]\n"));
  EXPECT_EQ(file.errors.size(), 1u);  // the misspelt field ends the reading of spec
  const auto two = read(network_policy("  policyTypes: [x]\n  ingress: [{ports: [{port: 0}]}]\n"));
  EXPECT_EQ(two.errors.size(), 2u);
  EXPECT_TRUE(two.objects.is_empty());
}

}  // namespace
}  // namespace bulkhead::parse
