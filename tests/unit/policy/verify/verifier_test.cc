// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/verifier.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "policy/compile/compiler.h"
#include "policy/verify/verify.h"
#include "tests/unit/policy/compile/cluster_builder.h"

namespace bulkhead::verify {
namespace {

using namespace bulkhead::testing;
using ::testing::HasSubstr;
using Until = Verifier::Until;

bool never() { return false; }

// db/db and db/web, other/web, all with both families; a policy for app=db.
class VerifierTest : public ::testing::Test {
 protected:
  void SetUp() override {
    builder_.cluster.settings.pod_cidrs = {cidr("10.0.0.0/8"), cidr("fd00::/16")};
    for (const auto* space : {"db", "other"}) builder_.ns(space);
    pod("db", "db", 1, "db");
    pod("db", "web", 2, "web");
    pod("other", "web", 3, "web");
    allow(builder_.policy("db", "p", "db"), Direction::Ingress, {pods(app("web"))}, {tcp(3306)});
  }
  void pod(const std::string& space, const std::string& name, int number,
           const std::string& label) {
    builder_.pod(space, name, fmt::format("10.0.0.{}", number), {{"app", label}})
        .ips.push_back(ip(fmt::format("fd00::{}", number)));
  }
  // The cluster as it is now with a right table, or with that of what was misunderstood.
  Checked version(const std::function<void(model::Cluster&)>& misread = {}) {
    auto cluster = std::make_shared<const model::Cluster>(builder_.cluster);
    model::Cluster understood = builder_.cluster;
    if (misread) misread(understood);
    auto table = compile::compile(understood, *local_, Revision{++revision_}, numbers_);
    EXPECT_TRUE(table);
    return {cluster, local_, std::make_shared<const compile::CompiledTable>(std::move(*table))};
  }
  // All of a version, from where the last one was left.
  Status check(const Checked& checked) {
    if (auto ok = verifier_.follow(checked); !ok) return ok;
    return verifier_.step({}, Until::EverythingIsChecked);
  }
  // Of a version, what the change can touch.
  Status check_change(const Checked& checked) {
    if (auto ok = verifier_.follow(checked); !ok) return ok;
    return verifier_.step({}, Until::ChangeIsChecked);
  }

  ClusterBuilder builder_;
  std::shared_ptr<const compile::LocalPods> local_ = std::make_shared<compile::LocalPods>();
  compile::Numbers numbers_;
  std::uint64_t revision_ = 0;
  Verifier verifier_;
};

TEST_F(VerifierTest, ComesToTheEndInStepsThatHaveNoTime) {
  const Checked checked = version();
  ASSERT_TRUE(verifier_.follow(checked));
  EXPECT_EQ(verifier_.report().ratio(), 0.0);
  int steps = 0;
  double ratio = 0;
  while (!verifier_.is_complete()) {
    ASSERT_TRUE(verifier_.step(never, Until::EverythingIsChecked));
    ASSERT_GT(verifier_.report().ratio(), ratio) << "a step without time still goes on";
    ratio = verifier_.report().ratio();
    ++steps;
  }
  EXPECT_GT(steps, 3);
  EXPECT_EQ(verifier_.report().ratio(), 1.0);
  const auto whole = verify(*checked.cluster, *local_, *checked.compiled, {});
  ASSERT_TRUE(whole);
  EXPECT_EQ(verifier_.report().questions, whole->questions);
  EXPECT_EQ(verifier_.report().pairs, whole->pairs);
}

TEST_F(VerifierTest, FindsALateMismatchAndStaysWithIt) {
  const Checked right = version();
  auto wrong = std::make_shared<compile::CompiledTable>(*right.compiled);
  for (auto& info : wrong->slots.own()) {
    if (info.rule == "default/isolated") info.rule = "default/node";
  }
  ASSERT_TRUE(verifier_.follow({right.cluster, local_, wrong}));
  Status status;
  while (status && !verifier_.is_complete()) {
    status = verifier_.step(never, Until::EverythingIsChecked);
  }
  ASSERT_FALSE(status);
  EXPECT_FALSE(verifier_.is_complete());
  const Status again = verifier_.step({}, Until::EverythingIsChecked);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().text(), status.error().text());
  // Nothing but what a slot counts is other now: the bytes are the same.
  EXPECT_TRUE(check(right));
  EXPECT_FALSE(check({right.cluster, local_, wrong}));
}

TEST_F(VerifierTest, KeepsWhatItReadsAlive) {
  {
    const Checked checked = version();
    ASSERT_TRUE(verifier_.follow(checked));
  }
  builder_.cluster = {};
  EXPECT_TRUE(verifier_.step({}, Until::EverythingIsChecked));
  EXPECT_TRUE(verifier_.is_complete());
}

TEST_F(VerifierTest, RefusesATableThatDoesNotOpenAndStaysWhereItWas) {
  ASSERT_TRUE(check(version()));
  const Checked right = version();
  auto damaged = std::make_shared<compile::CompiledTable>(*right.compiled);
  damaged->sections[0].bytes.own()[0] ^= std::byte{1};
  EXPECT_FALSE(verifier_.follow({right.cluster, local_, damaged}));
  EXPECT_TRUE(verifier_.is_complete());
  EXPECT_TRUE(check(right));
}

TEST_F(VerifierTest, RefusesARevisionThatIsNotTheTables) {
  ASSERT_TRUE(check(version()));
  const Checked right = version();
  auto other = std::make_shared<compile::CompiledTable>(*right.compiled);
  other->revision = Revision{77};
  EXPECT_FALSE(verifier_.follow({right.cluster, local_, other}));
}

TEST_F(VerifierTest, HasNothingToDoWhenNothingChanged) {
  ASSERT_TRUE(check(version()));
  const auto compared = verifier_.report().compared;
  ASSERT_TRUE(verifier_.follow(version()));
  EXPECT_TRUE(verifier_.is_complete());
  EXPECT_EQ(verifier_.report().compared, compared);
}

TEST_F(VerifierTest, ChecksOfAChangeWhatItTouches) {
  ASSERT_TRUE(check(version()));
  verifier_.put_off();
  const auto all = verifier_.report().pairs;
  allow(builder_.policy("db", "p", "db"), Direction::Ingress, {pods(app("web"))}, {tcp(3307)});
  ASSERT_TRUE(verifier_.follow(version()));
  EXPECT_FALSE(verifier_.has_checked_change());
  EXPECT_GT(verifier_.change().pairs, 0u);
  EXPECT_LE(verifier_.change().pairs, all / 3) << "one of three subjects, one direction";
  ASSERT_TRUE(verifier_.step({}, Until::ChangeIsChecked));
  EXPECT_TRUE(verifier_.has_checked_change());
  EXPECT_EQ(verifier_.change().ratio(), 1.0);
  EXPECT_TRUE(verifier_.is_complete());
}

TEST_F(VerifierTest, WhatWasPutOffIsNotChecked) {
  ASSERT_TRUE(verifier_.follow(version()));
  verifier_.put_off();
  EXPECT_TRUE(verifier_.has_checked_change());
  ASSERT_TRUE(verifier_.step({}, Until::ChangeIsChecked));
  EXPECT_FALSE(verifier_.is_complete());
  EXPECT_EQ(verifier_.report().checked, 0u);
  ASSERT_TRUE(verifier_.step({}, Until::EverythingIsChecked));
  EXPECT_TRUE(verifier_.is_complete());
}

TEST_F(VerifierTest, ComparesNothingForAnotherPodOfAKind) {
  pod("other", "web2", 4, "web");
  ASSERT_TRUE(check(version()));
  const auto compared = verifier_.report().compared;
  pod("other", "web3", 5, "web");
  ASSERT_TRUE(verifier_.follow(version()));
  EXPECT_TRUE(verifier_.is_complete());
  EXPECT_EQ(verifier_.report().compared, compared);
}

TEST_F(VerifierTest, SaysWhenTheSecondPodOfAKindCannotBeReached) {
  // db takes from web only: two pods of db do not reach each other. One alone says nothing.
  ASSERT_TRUE(check(version()));
  pod("db", "db2", 4, "db");
  const auto opened = [](model::Cluster& cluster) {
    auto wrong = std::make_shared<model::Policy>(*cluster.policies.at("NetworkPolicy/db/p"));
    wrong->rules[1][0].peers.push_back(model::PodPeer{{}, app("db")});
    cluster.policies[wrong->id()] = wrong;
  };
  const Status same = check_change(version(opened));
  ASSERT_FALSE(same);
  EXPECT_THAT(same.error().text(), HasSubstr("ingress of db/db"));
  EXPECT_TRUE(check_change(version()));
}

TEST_F(VerifierTest, NamesAnAddressThatIsMissingOrNobodys) {
  ASSERT_TRUE(check(version()));
  pod("other", "web2", 4, "web");
  for (const char* address : {"10.0.0.4", "fd00::4"}) {
    const Checked right = version();
    auto missing = std::make_shared<compile::CompiledTable>(*right.compiled);
    missing->addresses.erase(ip(address));
    const Status same = check(Checked{right.cluster, local_, missing});
    ASSERT_FALSE(same);
    EXPECT_THAT(same.error().text(), HasSubstr(address));
    ASSERT_TRUE(check(right));
  }
  const auto with_pod = version();
  builder_.cluster.pods.erase({"other", "web2"});
  // The pod is gone, its addresses stay.
  auto stale = std::make_shared<compile::CompiledTable>(*version().compiled);
  stale->addresses = with_pod.compiled->addresses;
  const auto cluster = std::make_shared<const model::Cluster>(builder_.cluster);
  EXPECT_FALSE(check({cluster, local_, stale}));
  EXPECT_TRUE(check(version()));
}

TEST_F(VerifierTest, FindsTheBytesThatAChangeHasNoReasonToTouch) {
  allow(builder_.policy("other", "q", "web"), Direction::Ingress, {pods(app("web"))}, {tcp(80)});
  ASSERT_TRUE(check(version()));
  // A policy of "db" changes, and the table forgets the one of "other".
  allow(builder_.policy("db", "p", "db"), Direction::Ingress, {pods(app("web"))}, {tcp(3307)});
  const Status same = check_change(
      version([](model::Cluster& cluster) { cluster.policies.erase("NetworkPolicy/other/q"); }));
  ASSERT_FALSE(same);
  EXPECT_THAT(same.error().text(), HasSubstr("of other/web"));
}

TEST_F(VerifierTest, ComesToAnEndWhileThereAreChanges) {
  for (int i = 10; i < 40; ++i) pod("other", fmt::format("p{}", i), i, fmt::format("app{}", i));
  const auto edit = [&](std::uint16_t port) {
    allow(builder_.policy("db", "p", "db"), Direction::Ingress, {pods(app("web"))}, {tcp(port)});
    return version();
  };
  // A step takes one task at least, a version comes with every other one.
  std::uint16_t port = 1;
  ASSERT_TRUE(verifier_.follow(edit(port)));
  for (; !verifier_.is_complete() && port < 2000; ++port) {
    ASSERT_TRUE(verifier_.follow(edit(port)));
    ASSERT_TRUE(verifier_.step({}, Until::ChangeIsChecked));
    verifier_.put_off();
    ASSERT_TRUE(verifier_.step(never, Until::EverythingIsChecked));
  }
  EXPECT_TRUE(verifier_.is_complete());
}

// Two pods claim an address, which is unknown. One of them goes, the compile does not notice.
TEST_F(VerifierTest, SaysWhenTheLastPodOfAnAddressStaysUnknown) {
  pod("other", "web2", 3, "other");
  const Checked both = version();
  ASSERT_EQ(both.compiled->addresses.at(ip("10.0.0.3")).identity, kUnknownIdentity);
  ASSERT_TRUE(check(both));
  for (const auto* gone : {"web2", "web"}) {
    const auto pods = builder_.cluster.pods;
    builder_.cluster.pods.erase({"other", gone});
    auto stale = std::make_shared<compile::CompiledTable>(*version().compiled);
    stale->addresses = both.compiled->addresses;
    const Checked wrong{std::make_shared<const model::Cluster>(builder_.cluster), local_, stale};
    EXPECT_FALSE(verify(*wrong.cluster, *wrong.local, *wrong.compiled, {}));
    EXPECT_FALSE(check(wrong)) << gone;
    builder_.cluster.pods = pods;
    EXPECT_TRUE(check(version()));
  }
}

}  // namespace
}  // namespace bulkhead::verify
