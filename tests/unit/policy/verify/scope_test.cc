// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/scope.h"

#include <gmock/gmock.h>

#include "policy/compile/compiler.h"
#include "policy/verify/sweep.h"
#include "tests/unit/policy/compile/cluster_builder.h"

namespace bulkhead::verify {
namespace {

using namespace bulkhead::testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const compile::LocalPods kEveryPod;

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

Scope between(const model::Cluster& before, const model::Cluster& after,
              const compile::LocalPods& old_local = kEveryPod,
              const compile::LocalPods& new_local = kEveryPod) {
  return scope_between({before, old_local}, {after, new_local});
}

std::vector<std::string> names(const std::set<model::PodKey>& pods) {
  std::vector<std::string> texts;
  for (const auto& key : pods) texts.push_back(key.text());
  return texts;
}

TEST(Scope, IsEmptyWhenNothingChanged) {
  const auto cluster = small().cluster;
  const Scope scope = between(cluster, cluster);
  EXPECT_FALSE(scope.is_everything);
  EXPECT_THAT(scope.subjects, IsEmpty());
  EXPECT_THAT(scope.peers, IsEmpty());
  EXPECT_THAT(scope.stretches, IsEmpty());
}

TEST(Scope, IsEverythingWhenTheSettingsChanged) {
  auto builder = small();
  const auto before = builder.cluster;
  builder.cluster.settings.exempt.insert("db");
  EXPECT_TRUE(between(before, builder.cluster).is_everything);
}

TEST(Scope, HoldsThePodsThatTheOldOrTheNewTextSelects) {
  auto builder = small();
  const auto before = builder.cluster;
  builder.policy("db", "p", "web");
  const Scope scope = between(before, builder.cluster);
  EXPECT_THAT(names(scope.subjects), UnorderedElementsAre("db/db", "db/web"));
  EXPECT_THAT(scope.peers, IsEmpty());
}

TEST(Scope, LeavesTheDirectionAloneThatNoTextHas) {
  auto builder = small();
  const auto before = builder.cluster;
  allow(builder.policy("db", "p", "db"), Direction::Ingress, {pods(app("web"))}, {tcp(3307)});
  EXPECT_THAT(between(before, builder.cluster).directions, ElementsAre(false, true));
  allow(builder.policy("db", "p", "db"), Direction::Egress, {pods(app("web"))}, {tcp(3307)});
  EXPECT_THAT(between(before, builder.cluster).directions, ElementsAre(true, true));
}

TEST(Scope, HasBothDirectionsOfAChangedPod) {
  auto builder = small();
  const auto before = builder.cluster;
  allow(builder.policy("db", "p", "db"), Direction::Ingress, {pods(app("web"))}, {tcp(3307)});
  builder.pod("other", "web", "10.0.1.9");
  EXPECT_THAT(between(before, builder.cluster).directions, ElementsAre(true, true));
}

TEST(Scope, HoldsThePodsOfARemovedPolicy) {
  const auto before = small().cluster;
  auto after = before;
  after.policies.clear();
  EXPECT_THAT(names(between(before, after).subjects), ElementsAre("db/db"));
}

TEST(Scope, HoldsAChangedPodWithItsOldAndNewAddresses) {
  auto builder = small();
  const auto before = builder.cluster;
  builder.pod("other", "web", "10.0.1.9");
  const Scope scope = between(before, builder.cluster);
  EXPECT_THAT(names(scope.subjects), ElementsAre("other/web"));
  EXPECT_THAT(names(scope.peers), ElementsAre("other/web"));
  EXPECT_THAT(scope.addresses, UnorderedElementsAre(ip("10.0.1.1"), ip("10.0.1.9")));
}

TEST(Scope, HoldsThePodsOfAChangedNamespace) {
  auto builder = small();
  const auto before = builder.cluster;
  builder.ns("db").default_deny = true;
  const Scope scope = between(before, builder.cluster);
  EXPECT_THAT(names(scope.subjects), UnorderedElementsAre("db/db", "db/web"));
  EXPECT_THAT(names(scope.peers), UnorderedElementsAre("db/db", "db/web"));
}

TEST(Scope, HoldsTheStretchesWhoseBoundsMoved) {
  auto builder = small();
  const auto before = builder.cluster;
  allow(builder.policy("db", "q", "db"), Direction::Egress,
        {model::CidrPeer{cidr("192.0.2.0/24"), {}}});
  EXPECT_THAT(between(before, builder.cluster).stretches,
              UnorderedElementsAre(ip("11.0.0.0"), ip("192.0.2.0"), ip("192.0.3.0")));
}

TEST(Scope, HoldsPodsThatCameToThisNode) {
  const auto cluster = small().cluster;
  const compile::LocalPods before = std::set<model::PodKey>{{"db", "db"}};
  const compile::LocalPods after = std::set<model::PodKey>{{"db", "db"}, {"db", "web"}};
  EXPECT_THAT(names(between(cluster, cluster, before, after).subjects), ElementsAre("db/web"));
}

// A table that is wrong for the changed policy is caught within the scope of the change alone.
TEST(Scope, IsEnoughToCatchAStaleTable) {
  auto builder = small();
  const auto before = builder.cluster;
  compile::Numbers numbers;
  const auto stale = *compile::compile(before, {}, Revision{1}, numbers);
  allow(builder.policy("db", "p", "db"), Direction::Ingress, {}, {tcp(80)});
  const Scope scope = between(before, builder.cluster);
  const auto report = verify(builder.cluster, {}, stale, {}, scope);
  EXPECT_FALSE(report);
  const auto fresh = *compile::compile(builder.cluster, {}, Revision{2}, numbers);
  const auto scoped = verify(builder.cluster, {}, fresh, {}, scope);
  const auto whole = verify(builder.cluster, {}, fresh, {});
  ASSERT_TRUE(scoped && whole);
  EXPECT_TRUE(scoped->is_complete());
  EXPECT_LT(scoped->pairs, whole->pairs);
  EXPECT_GT(scoped->pairs, 0u);
}

TEST(Scope, LooksAtARemovedPodsAddress) {
  auto builder = small();
  compile::Numbers numbers;
  const auto before = builder.cluster;
  builder.cluster.pods.erase({"other", "web"});
  auto table = *compile::compile(before, {}, Revision{1}, numbers);  // still has the address
  EXPECT_FALSE(verify(builder.cluster, {}, table, {}, between(before, builder.cluster)));
}

class SweepTest : public ::testing::Test {
 protected:
  [[nodiscard]] Sweep begin() const {
    auto sweep = Sweep::begin(std::make_shared<model::Cluster>(cluster_), {},
                              std::make_shared<compile::CompiledTable>(table_));
    EXPECT_TRUE(sweep);
    return std::move(*sweep);
  }

  model::Cluster cluster_ = small().cluster;
  compile::Numbers numbers_;
  compile::CompiledTable table_ = *compile::compile(cluster_, {}, Revision{1}, numbers_);
};

TEST_F(SweepTest, ComesToTheEndInStepsThatHaveNoTime) {
  Sweep sweep = begin();
  EXPECT_EQ(sweep.ratio(), 0.0);
  int steps = 0;
  double ratio = 0;
  while (!sweep.is_complete()) {
    ASSERT_TRUE(sweep.step([] { return false; }));
    ASSERT_GT(sweep.ratio(), ratio) << "a step without time still goes on";
    ratio = sweep.ratio();
    ++steps;
  }
  EXPECT_GT(steps, 3);
  EXPECT_EQ(sweep.ratio(), 1.0);
  const auto whole = verify(cluster_, {}, table_, {});
  ASSERT_TRUE(whole);
  EXPECT_EQ(sweep.report().questions, whole->questions);
  EXPECT_EQ(sweep.report().pairs, whole->pairs);
}

TEST_F(SweepTest, FindsALateMismatchAndStaysWithIt) {
  for (auto& info : table_.slots.own()) {
    if (info.rule == "default/isolated") info.rule = "default/node";
  }
  Sweep sweep = begin();
  Status status;
  while (status && !sweep.is_complete()) status = sweep.step([] { return false; });
  ASSERT_FALSE(status);
  EXPECT_FALSE(sweep.is_complete());
  const Status again = sweep.step({});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().text(), status.error().text());
}

TEST_F(SweepTest, KeepsWhatItReadsAlive) {
  Sweep sweep = begin();
  table_ = {};
  cluster_ = {};
  EXPECT_TRUE(sweep.step({}));
  EXPECT_TRUE(sweep.is_complete());
}

TEST_F(SweepTest, RefusesATableThatDoesNotOpen) {
  table_.sections[0].bytes.own()[0] ^= std::byte{1};
  EXPECT_FALSE(Sweep::begin(std::make_shared<model::Cluster>(cluster_), {},
                            std::make_shared<compile::CompiledTable>(table_)));
}

// One verifier over many versions answers as a new one for each.
TEST(Verifier, KeepsNoAnswers) {
  auto builder = small();
  compile::Numbers numbers;
  compile::Compiler compiler;
  Verifier verifier;
  const auto check = [&](std::uint64_t revision) {
    const auto cluster = std::make_shared<const model::Cluster>(builder.cluster);
    auto table = compiler.compile(*cluster, kEveryPod, Revision{revision}, numbers);
    EXPECT_TRUE(table);
    const auto compiled = std::make_shared<const compile::CompiledTable>(std::move(*table));
    auto sweep = verifier.begin({cluster, kEveryPod, compiled}, {}, 1);
    EXPECT_TRUE(sweep) << sweep.error().text();
    EXPECT_TRUE(sweep->step({}));
    EXPECT_TRUE(sweep->is_complete());
    return compiled;
  };
  (void)check(1);
  allow(builder.policy("db", "p", "db"), Direction::Ingress, {pods(app("web"))}, {tcp(3307)});
  const auto stale = check(2);
  allow(builder.policy("other", "q", "web"), Direction::Ingress,
        {model::CidrPeer{cidr("192.0.2.0/24"), {}}});
  (void)check(3);
  builder.pod("other", "new", "10.0.1.2", {{"app", "web"}});
  (void)check(4);

  // The table of version 2 is wrong for the cluster of version 1 with its parties kept.
  const auto first = std::make_shared<const model::Cluster>(small().cluster);
  auto wrong = verifier.begin({first, kEveryPod, stale}, {}, 1);
  ASSERT_TRUE(wrong) << wrong.error().text();
  EXPECT_FALSE(wrong->step({}));
}

}  // namespace
}  // namespace bulkhead::verify
