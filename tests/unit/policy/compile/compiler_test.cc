// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/compiler.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "policy/table/lookup.h"
#include "tests/unit/policy/compile/cluster_builder.h"

namespace bulkhead::compile {
namespace {

using namespace bulkhead::testing;

TEST(Compiler, ForgetsTheNodesOfAPolicyThatComesBack) {
  for (const auto& [pod, old_node, new_node] :
       {std::tuple{"10.0.0.1", "192.0.2.1", "192.0.2.2"},
        std::tuple{"fd00::1", "2001:db8::1", "2001:db8::2"}}) {
    ClusterBuilder builder;
    builder.pod("a", "web", pod);
    const auto set_node = [&](const char* address) {
      auto node = std::make_shared<model::Node>();
      node->name = "n";
      node->addresses = {ip(address)};
      builder.cluster.nodes["n"] = node;
    };
    const auto add_policy = [&] {
      auto& policy = builder.policy("a", "p");
      policy.policy_types = {Direction::Egress};
      allow(policy, Direction::Egress, {model::NodePeer{}});
    };
    Compiler compiler;
    Numbers numbers;
    std::uint64_t revision = 0;
    const auto reaches = [&](const char* address) {
      const auto table = *compiler.compile(builder.cluster, {}, Revision{++revision}, numbers);
      const auto view = *table::TableView::open(table.section_bytes());
      const table::Query query{table.addresses.at(ip(pod)).identity,
                               view.outside_identity(ip(address)), 80, kTcp};
      table::Decision decision;
      table::lookup(view, Direction::Egress, {&query, 1}, {&decision, 1});
      return decision.verdict == Verdict::Allow;
    };
    set_node(old_node);
    add_policy();
    EXPECT_TRUE(reaches(old_node));
    EXPECT_FALSE(reaches(new_node));
    const std::string id = builder.cluster.policies.begin()->first;
    builder.cluster.policies.erase(id);
    EXPECT_TRUE(reaches(new_node)) << "no policy, plain Kubernetes";
    set_node(new_node);
    EXPECT_TRUE(reaches(old_node));
    add_policy();
    EXPECT_TRUE(reaches(new_node));
    EXPECT_FALSE(reaches(old_node));
  }
}

TEST(Compiler, AsksAnewForCounterSlotsThatWereGivenBack) {
  ClusterBuilder builder = database();
  Compiler compiler;
  Numbers numbers;
  const auto in_force = *compiler.compile(builder.cluster, {}, Revision{1}, numbers);
  // Compiled and refused, say.
  allow(builder.policy("other", "first"), Direction::Ingress, {pods(app("web"))}, {tcp(1)});
  ASSERT_TRUE(compiler.compile(builder.cluster, {}, Revision{2}, numbers));
  const auto slots = numbers.slots();
  for (const auto& [key, number] : slots) {
    if (std::ranges::find(in_force.slot_keys, key) == in_force.slot_keys.end()) {
      numbers.release_slot(key);
    }
  }
  // What was refused, and more.
  allow(builder.policy("db", "second", "web"), Direction::Ingress, {pods(app("db"))}, {tcp(2)});
  Numbers same_numbers = numbers;
  const auto next = *compiler.compile(builder.cluster, {}, Revision{3}, numbers);
  const auto full = *compile(builder.cluster, {}, Revision{3}, same_numbers);
  std::vector<std::string> rules, rules_of_full;
  for (const auto& info : next.slots) rules.push_back(info.rule);
  for (const auto& info : full.slots) rules_of_full.push_back(info.rule);
  EXPECT_THAT(rules, ::testing::UnorderedElementsAreArray(rules_of_full));
  EXPECT_EQ(numbers.text(), same_numbers.text());
}

TEST(Compiler, PeersThatWentDoNotCountAgainstTheLimit) {
  ClusterBuilder builder;
  builder.cluster.settings.pod_cidrs = {cidr("10.0.0.0/8")};
  builder.ns("db");
  constexpr int kPods = 20'000;
  for (int i = 0; i < kPods; ++i) {
    const std::string number = std::to_string(i);
    builder.pod("db", "pod" + number, fmt::format("10.{}.{}.1", i / 250, i % 250),
                {{"app", number}});
  }
  const auto name_blocks = [&](int from) {
    std::vector<model::Peer> blocks(1000, model::WorldPeer{});
    for (model::Peer& peer : blocks) {
      const auto hole = fmt::format("10.200.{}.{}/32", from / 250, from % 250);
      peer.emplace<model::CidrPeer>(cidr("10.0.0.0/8"), std::vector{cidr(hole)});
      ++from;
    }
    allow(builder.policy("db", "p", "7"), Direction::Ingress, std::move(blocks));
  };
  const LocalPods local = std::set<model::PodKey>{{"db", "pod7"}};
  Compiler compiler;
  Numbers numbers;
  name_blocks(0);
  ASSERT_TRUE(compiler.compile(builder.cluster, local, Revision{1}, numbers));
  name_blocks(1000);
  const auto followed = compiler.compile(builder.cluster, local, Revision{2}, numbers);
  EXPECT_TRUE(followed) << followed.error().text();
  Numbers other_numbers;
  EXPECT_TRUE(compile(builder.cluster, local, Revision{2}, other_numbers));
}

}  // namespace
}  // namespace bulkhead::compile
