// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/oracle/match.h"
#include "tests/unit/policy/oracle/builders.h"

namespace bulkhead::oracle {
namespace {

std::string node(std::string_view name, std::string_view role, std::string_view addresses) {
  return fmt::format(
      "---\napiVersion: v1\nkind: Node\nmetadata: {{name: {}, labels: {{role: {}}}}}\n"
      "status: {{addresses: [{}]}}\n",
      name, role, addresses);
}

// A control plane and a worker; the worker's outside address is also what a pod of web claims.
model::Cluster two_nodes() {
  return cluster_of(
      three_pods() +
      node("control", "control-plane",
           "{type: InternalIP, address: 172.18.0.2}, {type: InternalIP, address: 'fc00:18::2'}") +
      node("worker", "worker",
           "{type: InternalIP, address: 172.18.0.3}, {type: ExternalIP, address: 10.0.0.2}"));
}

bool has(const model::Cluster& cluster, const model::LabelSelector& nodes, const Party& party) {
  return matches_peer(cluster, "", model::NodePeer{nodes}, party);
}
model::LabelSelector role(const std::string& value) { return {{{"role", value}}, {}}; }

TEST(OracleNodes, MatchesTheAddressesOfSelectedNodes) {
  const auto cluster = two_nodes();
  EXPECT_TRUE(has(cluster, role("control-plane"), outside("172.18.0.2")));
  EXPECT_TRUE(has(cluster, role("control-plane"), outside("fc00:18::2")));
  EXPECT_FALSE(has(cluster, role("control-plane"), outside("172.18.0.3")));
  EXPECT_FALSE(has(cluster, role("control-plane"), outside("172.18.0.4")));
}

TEST(OracleNodes, TakesAnEmptySelectorForEveryNodeAndNothingElse) {
  const auto cluster = two_nodes();
  for (const auto* address : {"172.18.0.2", "172.18.0.3", "fc00:18::2"}) {
    EXPECT_TRUE(has(cluster, {}, outside(address))) << address;
  }
  EXPECT_FALSE(has(cluster, {}, outside("203.0.113.1")));
  EXPECT_FALSE(has(cluster, {}, pod(cluster, "db", "db")));
}

TEST(OracleNodes, MatchesNothingWhereNoNodeIsSelected) {
  const auto cluster = two_nodes();
  EXPECT_FALSE(has(cluster, role("gpu"), outside("172.18.0.2")));
  EXPECT_FALSE(has(cluster_of(three_pods()), {}, outside("172.18.0.2")));
}

// "By matching on the IPs": whoever answers behind the address.
TEST(OracleNodes, GoesByAddressWhoeverHasIt) {
  const auto cluster = two_nodes();
  EXPECT_TRUE(has(cluster, role("worker"), pod(cluster, "web", "web")));
  EXPECT_FALSE(has(cluster, role("worker"), pod(cluster, "web", "web", Family::V6)));
  EXPECT_TRUE(has(cluster, role("worker"), {nullptr, ip("172.18.0.3"), true}));
  EXPECT_FALSE(has(cluster, role("worker"), {nullptr, {}, true}));
}

TEST(OracleNodes, ListsTheAddressesOfAPeer) {
  std::vector<std::string> texts;
  for (const auto& address : addresses_of_nodes(two_nodes(), {role("worker")})) {
    texts.push_back(address.text());
  }
  EXPECT_THAT(texts, testing::UnorderedElementsAre("172.18.0.3", "10.0.0.2"));
}

}  // namespace
}  // namespace bulkhead::oracle
