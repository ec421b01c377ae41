// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/scope.h"

#include <gmock/gmock.h>

#include "tests/unit/policy/compile/cluster_builder.h"

namespace bulkhead::verify {
namespace {

using namespace bulkhead::testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

// db/db and db/web, other/web; a policy for app=db.
ClusterBuilder small() {
  ClusterBuilder builder;
  builder.cluster.settings.pod_cidrs = {cidr("10.0.0.0/8")};
  builder.ns("db");
  builder.ns("other");
  builder.pod("db", "db", "10.0.0.1", {{"app", "db"}});
  builder.pod("db", "web", "10.0.0.2", {{"app", "web"}});
  builder.pod("other", "web", "10.0.1.1", {{"app", "web"}});
  allow(builder.policy("db", "p", "db"), Direction::Ingress, {pods(app("web"))}, {tcp(3306)});
  return builder;
}

std::vector<std::string> subjects(const Scope& scope, const model::Cluster& cluster,
                                  Direction direction = Direction::Ingress) {
  std::vector<std::string> texts;
  for (const auto& [key, pod] : cluster.pods) {
    if (scope.has_subject(cluster, direction, *pod)) texts.push_back(key.text());
  }
  return texts;
}

TEST(Scope, IsEmptyWhenNothingChanged) {
  const auto cluster = small().cluster;
  EXPECT_TRUE(scope_between(cluster, cluster).is_empty());
}

TEST(Scope, HoldsThePodsThatTheOldOrTheNewTextSelects) {
  auto builder = small();
  const auto before = builder.cluster;
  builder.policy("db", "p", "web");
  const Scope scope = scope_between(before, builder.cluster);
  EXPECT_FALSE(scope.is_empty());
  EXPECT_THAT(subjects(scope, builder.cluster), ElementsAre("db/db", "db/web"));
  EXPECT_THAT(scope.spaces, IsEmpty());
}

TEST(Scope, LeavesTheDirectionAloneThatNoTextHas) {
  auto builder = small();
  const auto before = builder.cluster;
  allow(builder.policy("db", "p", "db"), Direction::Ingress, {pods(app("web"))}, {tcp(3307)});
  Scope scope = scope_between(before, builder.cluster);
  EXPECT_THAT(subjects(scope, builder.cluster, Direction::Ingress), ElementsAre("db/db"));
  EXPECT_THAT(subjects(scope, builder.cluster, Direction::Egress), IsEmpty());
  allow(builder.policy("db", "p", "db"), Direction::Egress, {pods(app("web"))}, {tcp(3307)});
  scope = scope_between(before, builder.cluster);
  EXPECT_THAT(subjects(scope, builder.cluster, Direction::Ingress), ElementsAre("db/db"));
  EXPECT_THAT(subjects(scope, builder.cluster, Direction::Egress), ElementsAre("db/db"));
}

TEST(Scope, HoldsThePodsOfARemovedPolicy) {
  const auto before = small().cluster;
  auto after = before;
  after.policies.clear();
  EXPECT_THAT(subjects(scope_between(before, after), after), ElementsAre("db/db"));
}

TEST(Scope, HoldsThePodsOfAChangedNamespaceInBothDirections) {
  auto builder = small();
  const auto before = builder.cluster;
  builder.ns("db").default_deny = true;
  const Scope scope = scope_between(before, builder.cluster);
  EXPECT_THAT(scope.spaces, ElementsAre("db"));
  for (const Direction direction : kDirections) {
    EXPECT_THAT(subjects(scope, builder.cluster, direction), ElementsAre("db/db", "db/web"));
  }
}

TEST(Scope, NamesTheNamespacesOfItsSubjects) {
  auto builder = small();
  const auto before = builder.cluster;
  EXPECT_THAT(scope_between(before, before).namespaces(), Optional(IsEmpty()));
  builder.policy("db", "p", "web");
  builder.ns("other").labels.emplace("changed", "yes");
  EXPECT_THAT(scope_between(before, builder.cluster).namespaces(),
              Optional(ElementsAre("db", "other")));
  builder.policy("", "everywhere", "web");
  EXPECT_EQ(scope_between(before, builder.cluster).namespaces(), std::nullopt);
}

TEST(Scope, HoldsThePodsOfAPolicyThatNamesNodesWhenThoseChange) {
  auto builder = small();
  auto node = std::make_shared<model::Node>();
  node->name = "one";
  node->addresses = {ip("192.0.2.1")};
  allow(builder.policy("other", "n", "web"), Direction::Egress, {model::NodePeer{}});
  const auto before = builder.cluster;
  builder.cluster.nodes["one"] = node;
  const Scope scope = scope_between(before, builder.cluster);
  EXPECT_THAT(subjects(scope, builder.cluster, Direction::Egress), ElementsAre("other/web"));
}

}  // namespace
}  // namespace bulkhead::verify
