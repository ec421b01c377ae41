// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/node_peers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/policy/compile/cluster_builder.h"

namespace bulkhead::compile {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

model::Cluster cluster_of_nodes() {
  model::Cluster cluster;
  const auto add = [&](const std::string& name, const std::string& role,
                       std::initializer_list<std::string_view> addresses) {
    auto node = std::make_shared<model::Node>();
    node->name = name;
    node->labels.emplace("role", role);
    for (const auto text : addresses) node->addresses.push_back(bulkhead::testing::ip(text));
    cluster.nodes.emplace(name, std::move(node));
  };
  add("a", "worker", {"172.18.0.3", "fc00::3"});
  add("b", "worker", {"172.18.0.2", "198.51.100.1"});
  add("c", "control", {"172.18.0.4", "198.51.100.1"});
  add("d", "worker", {});
  return cluster;
}

std::vector<std::string> prefixes(const model::LabelSelector& selector) {
  std::vector<std::string> texts;
  for (const auto& prefix : node_prefixes(cluster_of_nodes(), {selector})) {
    texts.push_back(prefix.text());
  }
  return texts;
}

TEST(NodePeers, AreTheHostPrefixesOfSelectedNodes) {
  EXPECT_THAT(prefixes({{{"role", "worker"}}, {}}),
              ElementsAre("172.18.0.2/32", "172.18.0.3/32", "198.51.100.1/32", "fc00::3/128"));
  EXPECT_THAT(prefixes({{{"role", "control"}}, {}}),
              ElementsAre("172.18.0.4/32", "198.51.100.1/32"));
}

TEST(NodePeers, NameASharedAddressOnce) {
  EXPECT_THAT(prefixes({}), ElementsAre("172.18.0.2/32", "172.18.0.3/32", "172.18.0.4/32",
                                        "198.51.100.1/32", "fc00::3/128"));
}

TEST(NodePeers, AreNoneWhereNoNodeMatches) {
  EXPECT_THAT(prefixes({{{"role", "gpu"}}, {}}), IsEmpty());
  using Operator = model::LabelSelector::Operator;
  EXPECT_THAT(prefixes({{}, {{"role", Operator::DoesNotExist, {}}}}), IsEmpty());
}

}  // namespace
}  // namespace bulkhead::compile
