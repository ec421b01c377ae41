// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/policy/parse/builders.h"

namespace bulkhead::parse {
namespace {

using testing::HasSubstr;

std::string ports_error(std::string_view ports) {
  return only_error(segment(fmt::format("  ingress: [{{from: [world], ports: {}}}]\n", ports)));
}
std::string peer_error(std::string_view peer) {
  return only_error(segment(fmt::format("  ingress: [{{from: [{}]}}]\n", peer)));
}
model::Peer peer_of(std::string_view peer) {
  return policy_of(segment(fmt::format("  ingress: [{{from: [{}]}}]\n", peer)))
      .rules_of(Direction::Ingress)
      .at(0)
      .peers.at(0);
}
model::PortMatch port_of(std::string_view port) {
  return policy_of(segment(fmt::format("  egress: [{{to: [world], ports: [{}]}}]\n", port)))
      .rules_of(Direction::Egress)
      .at(0)
      .ports.at(0);
}

TEST(Segment, SelectsEveryPodBothWays) {
  const auto policy = policy_of(segment("  {}\n"));
  EXPECT_EQ(policy.kind, model::PolicyKind::Segment);
  EXPECT_EQ(policy.id(), "Segment/backend/backend");
  EXPECT_EQ(policy.subject_pods, model::LabelSelector{});
  ASSERT_TRUE(policy.policy_types.has_value());
  EXPECT_THAT(*policy.policy_types,
              testing::UnorderedElementsAre(Direction::Ingress, Direction::Egress));
  EXPECT_TRUE(policy.rules_of(Direction::Ingress).empty());
  EXPECT_TRUE(policy.rules_of(Direction::Egress).empty());
}

TEST(Segment, AddsItsImpliedRulesBehindTheWrittenOnes) {
  const auto policy =
      policy_of(segment("  ingress: [{from: [world]}]\n  within: true\n  dns: true\n"));
  const auto& ingress = policy.rules_of(Direction::Ingress);
  const auto& egress = policy.rules_of(Direction::Egress);
  ASSERT_EQ(ingress.size(), 2u);
  EXPECT_EQ(ingress[0].index, "0");
  EXPECT_EQ(ingress[1].index, "within");
  ASSERT_EQ(egress.size(), 2u);
  EXPECT_EQ(egress[0].index, "within");
  EXPECT_EQ(egress[1].index, "dns");
  EXPECT_EQ(ingress[0].origin.text(), "f.yaml:5:13");
  EXPECT_EQ(ingress[1].origin.text(), "f.yaml:6:11");
  EXPECT_EQ(egress[1].origin.text(), "f.yaml:7:8");
  EXPECT_EQ(egress[1].peers.at(0), model::Peer{model::DnsPeer{}});
  EXPECT_THAT(egress[1].ports,
              testing::ElementsAre(model::PortMatch{kUdp, model::PortRange{53, 53}},
                                   model::PortMatch{kTcp, model::PortRange{53, 53}}));
}

TEST(Segment, SwitchesStayOffUnlessTrue) {
  const auto policy = policy_of(segment("  within: false\n  dns: false\n"));
  EXPECT_TRUE(policy.rules_of(Direction::Egress).empty());
  EXPECT_THAT(only_error(segment("  dns: yes\n")), HasSubstr("must be true or false"));
  EXPECT_THAT(only_error(segment("  within: 'true'\n")), HasSubstr("must be true or false"));
}

TEST(Segment, ReadsPorts) {
  EXPECT_EQ(port_of("TCP/3306"), (model::PortMatch{kTcp, model::PortRange{3306, 3306}}));
  EXPECT_EQ(port_of("TCP/8000-8100"), (model::PortMatch{kTcp, model::PortRange{8000, 8100}}));
  EXPECT_EQ(port_of("SCTP"), (model::PortMatch{kSctp, model::PortRange{0, 65535}}));
  EXPECT_EQ(port_of("UDP/dns-tcp"), (model::PortMatch{kUdp, model::NamedPort{"dns-tcp"}}));
}

TEST(Segment, RefusesBadPorts) {
  for (const char* bad : {"TCP/0", "TCP/65536", "TCP/080", "TCP/9-8", "TCP/", "tcp/80", "ICMP",
                          "80", "TCP/80-", "TCP/-80", "TCP/80/90", "TCP/A_B"}) {
    EXPECT_THAT(ports_error(fmt::format("['{}']", bad)), HasSubstr("write TCP, TCP/3306")) << bad;
  }
  EXPECT_THAT(ports_error("[]"), HasSubstr("ports: Required value"));
  EXPECT_THAT(ports_error("null"), HasSubstr("ports: Required value"));
  EXPECT_THAT(ports_error("TCP/80"), HasSubstr("must be a list"));
}

TEST(Segment, ReadsPeers) {
  const auto both = std::get<model::PodPeer>(peer_of("{namespace: front, pods: {app: web}}"));
  EXPECT_EQ(both.namespaces->match_labels.at(model::kNamespaceNameLabel), "front");
  EXPECT_EQ(both.pods->match_labels.at("app"), "web");
  const auto labels = std::get<model::PodPeer>(peer_of("{namespace: {team: blue}}"));
  EXPECT_EQ(labels.namespaces->match_labels.at("team"), "blue");
  EXPECT_FALSE(labels.pods.has_value());
  EXPECT_FALSE(std::get<model::PodPeer>(peer_of("{pods: {a: b}}")).namespaces.has_value());
  EXPECT_EQ(peer_of("world"), model::Peer{model::WorldPeer{}});
  EXPECT_EQ(peer_of("{world: true}"), model::Peer{model::WorldPeer{}});
  const auto cidr = std::get<model::CidrPeer>(peer_of("{cidr: 10.0.0.0/8, except: [10.1.0.0/16]}"));
  EXPECT_EQ(cidr.prefix.text(), "10.0.0.0/8");
  EXPECT_EQ(std::get<model::CidrPeer>(peer_of("{cidr: 'fd00::/8'}")).prefix.text(), "fd00::/8");
}

TEST(Segment, RefusesPeersThatWouldWiden) {
  EXPECT_THAT(peer_error("{}"), HasSubstr("must specify a peer"));
  EXPECT_THAT(peer_error("{namespace: a, pods: }"), HasSubstr("pods: Required value"));
  EXPECT_THAT(peer_error("{namespace: , pods: {a: b}}"), HasSubstr("namespace: Required value"));
  EXPECT_THAT(peer_error("{world: false}"), HasSubstr("write `world: true`"));
  EXPECT_THAT(peer_error("{world: true, pods: {a: b}}"), HasSubstr("both world and another peer"));
  EXPECT_THAT(peer_error("{cidr: 10.0.0.0/8, pods: {a: b}}"), HasSubstr("both cidr and another"));
  EXPECT_THAT(peer_error("{except: [10.0.0.0/8]}"), HasSubstr("`except` narrows a `cidr`"));
  EXPECT_THAT(peer_error("{namespace: A}"), HasSubstr("RFC 1123 label"));
  EXPECT_THAT(peer_error("{pod: {a: b}}"), HasSubstr("did you mean \"pods\"?"));
  EXPECT_THAT(peer_error("World"), HasSubstr("must be a map"));
}

TEST(Segment, RefusesARuleWithoutPeers) {
  for (const char* rule : {"{ports: [TCP/80]}", "{from: []}", "{}"}) {
    EXPECT_THAT(only_error(segment(fmt::format("  ingress: [{}]\n", rule))),
                HasSubstr("name at least one peer"))
        << rule;
  }
}

TEST(Segment, NamesTheNearestField) {
  EXPECT_THAT(only_error(segment("  ingres: []\n")), HasSubstr("did you mean \"ingress\"?"));
  EXPECT_THAT(only_error(segment("  egress: [{form: []}]\n")), HasSubstr("unknown field \"form\""));
}

}  // namespace
}  // namespace bulkhead::parse
