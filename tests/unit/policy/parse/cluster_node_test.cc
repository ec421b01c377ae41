// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/parse/view.h"
#include "tests/unit/policy/parse/builders.h"

namespace bulkhead::parse {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string node(std::string_view rest, std::string_view metadata = "{name: a}") {
  return fmt::format("apiVersion: v1\nkind: Node\nmetadata: {}\n{}", metadata, rest);
}
std::string addresses(std::string_view list) {
  return node(fmt::format("status: {{addresses: [{}]}}\n", list));
}
model::Node node_of(std::string_view text) {
  const auto file = read(text);
  if (file.is_broken() || file.objects.nodes.size() != 1) {
    throw std::runtime_error(only_error(text));
  }
  return *file.objects.nodes.front();
}
std::vector<std::string> texts(const std::vector<IpAddress>& ips) {
  std::vector<std::string> texts;
  for (const auto& ip : ips) texts.push_back(ip.text());
  return texts;
}

// ClusterNetworkPolicyEgressPeer.nodes: "the IPs present in the node.Status.Addresses field".
TEST(Node, HasItsInternalAndExternalAddressesAndNoNames) {
  const auto a =
      node_of(node("spec: {podCIDR: 10.244.1.0/24, providerID: kind://a}\n"
                   "status:\n"
                   "  capacity: {cpu: '8'}\n"
                   "  addresses:\n"
                   "  - {type: InternalIP, address: 172.18.0.3}\n"
                   "  - {type: InternalIP, address: 'fc00:f853::3'}\n"
                   "  - {type: ExternalIP, address: 198.51.100.3}\n"
                   "  - {type: ExternalIP, address: 172.18.0.3}\n"
                   "  - {type: Hostname, address: 172.18.0.99}\n"
                   "  - {type: InternalDNS, address: a.internal}\n"
                   "  - {type: ExternalDNS, address: a.example.com}\n",
                   "{name: a.example.com, labels: {node-role.kubernetes.io/control-plane: ''}}"));
  EXPECT_EQ(a.name, "a.example.com");
  EXPECT_EQ(a.labels.at("node-role.kubernetes.io/control-plane"), "");
  EXPECT_THAT(texts(a.addresses), ElementsAre("172.18.0.3", "fc00:f853::3", "198.51.100.3"));
}

TEST(Node, MayHaveNoAddressYet) {
  EXPECT_THAT(node_of(node("")).addresses, IsEmpty());
  EXPECT_THAT(node_of(node("status: {}\n")).addresses, IsEmpty());
}

TEST(Node, RefusesWhatIsNoAddressOfANode) {
  EXPECT_THAT(only_error(addresses("{type: InternalIP, address: 10.0.0.300}")),
              HasSubstr("f.yaml:4:50: status.addresses[0].address: Invalid value: \"10.0.0.300\""));
  EXPECT_THAT(only_error(addresses("{type: InternalIP, address: ''}")), HasSubstr("valid IP"));
  EXPECT_THAT(only_error(addresses("{type: InternalIP, address: '::ffff:10.0.0.1'}")),
              HasSubstr("IPv4-mapped"));
  EXPECT_THAT(only_error(addresses("{type: InternalIp, address: 10.0.0.1}")),
              HasSubstr("Unsupported value: \"InternalIp\""));
  EXPECT_THAT(only_error(addresses("{type: InternalIP}")),
              HasSubstr("status.addresses[0].address: Required value"));
  EXPECT_THAT(only_error(addresses("{address: 10.0.0.1}")),
              HasSubstr("status.addresses[0].type: Required value"));
  EXPECT_THAT(only_error(addresses("{type: InternalIP, adress: 10.0.0.1}")),
              HasSubstr("did you mean \"address\""));
  EXPECT_THAT(only_error(node("statuss: {}\n")), HasSubstr("unknown field \"statuss\""));
}

TEST(Node, MayNotSetReservedLabelsNorLiveInANamespace) {
  EXPECT_THAT(only_error(node("", "{name: a, labels: {bulkhead.io/role: x}}")),
              HasSubstr("is reserved"));
  EXPECT_THAT(only_error(node("", "{name: a, namespace: n}")), HasSubstr("not allowed"));
}

// A node that cannot be read may be one that a Deny rule means.
TEST(Node, ThatIsBrokenLeavesItsScopeUnknown) {
  const auto file = read(addresses("{type: Wrong, address: 10.0.0.1}"));
  EXPECT_TRUE(file.is_broken());
  EXPECT_FALSE(file.is_scope_known);
}

TEST(Node, ComesInListsAndOncePerName) {
  const auto file = read(
      "apiVersion: v1\nkind: NodeList\nitems:\n"
      "- metadata: {name: a}\n"
      "- metadata: {name: b}\n"
      "  status: {addresses: [{type: InternalIP, address: 10.0.0.1}]}\n");
  ASSERT_FALSE(file.is_broken()) << file.errors[0].text();
  const auto cluster = build_cluster(file.objects, {});
  ASSERT_TRUE(cluster.has_value());
  EXPECT_EQ(cluster->nodes.size(), 2u);
  EXPECT_EQ(cluster->nodes.at("b")->addresses.size(), 1u);

  const auto twice = read(node("") + "---\n" + node(""));
  const auto refused = build_cluster(twice.objects, {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().text(), HasSubstr("Node a is already written at f.yaml:1:1"));
}

}  // namespace
}  // namespace bulkhead::parse
