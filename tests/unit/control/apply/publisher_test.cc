// SPDX-License-Identifier: Apache-2.0
#include "control/apply/publisher.h"

#include <gmock/gmock.h>

#include "tests/unit/control/apply/publisher_fixture.h"

namespace bulkhead::control::apply {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// No port may bring a packet of a flow that was taken over before its addresses are known.
TEST_F(PublisherTest, AFreshDataPlaneLearnsTableThenAddressesThenPorts) {
  add_pod(1, "a");
  const auto outcomes = reconcile();
  EXPECT_FALSE(outcomes.refusal);
  EXPECT_TRUE(outcomes.has_published);
  EXPECT_THAT(dataplane_.take(), ElementsAre("publish 1", "upsert 1", "attach 17"));
}

TEST_F(PublisherTest, OnARunningOnePortsGoBeforeAddresses) {
  add_pod(1, "a");
  reconcile();
  dataplane_.take();
  add_policy("b");
  add_pod(2, "b");
  reconcile();
  const auto said = dataplane_.take();
  ASSERT_GE(said.size(), 3u);
  EXPECT_EQ(said[said.size() - 2], "attach 18");
  EXPECT_EQ(said.back(), "upsert 1");
}

TEST_F(PublisherTest, WhatGoesIsTakenAwayInTheReverseOrder) {
  add_policy("a");
  add_pod(1, "a");
  add_pod(2, "b");
  reconcile();
  dataplane_.take();
  drop_pod(1);
  reconcile();
  const auto said = dataplane_.take();
  ASSERT_GE(said.size(), 2u);
  EXPECT_EQ(said[0], "remove 1");
  EXPECT_EQ(said[1], "detach 17");
}

TEST_F(PublisherTest, NothingIsSaidTwice) {
  add_pod(1, "a");
  reconcile();
  dataplane_.take();
  reconcile();
  EXPECT_THAT(dataplane_.take(), IsEmpty());
}

TEST_F(PublisherTest, APodOfAKnownIdentityNeedsNoTable) {
  add_pod(1, "a");
  reconcile();
  dataplane_.take();
  add_pod(2, "a");
  EXPECT_FALSE(reconcile().has_published);
  EXPECT_THAT(dataplane_.take(), ElementsAre("attach 18", "upsert 1"));
}

TEST_F(PublisherTest, AChangedLabelPublishesFirstAndKeepsTheOldIdentityAnswered) {
  add_policy("a");
  add_policy("b");
  add_pod(1, "a");
  reconcile();
  const auto before = dataplane_.identities.at(IpAddress::v4(10, 88, 0, 1));
  dataplane_.take();
  add_pod(1, "b");
  reconcile();
  EXPECT_THAT(dataplane_.take(), ElementsAre("publish 2", "upsert 1"));
  EXPECT_NE(dataplane_.identities.at(IpAddress::v4(10, 88, 0, 1)), before);
}

TEST_F(PublisherTest, AnIdentityThatPartsIsReplacedBeforeTheTableThatForgetsIt) {
  for (const auto* app : {"a", "b", "c"}) add_policy(app);
  add_pod(1, "a");
  add_pod(2, "a");
  reconcile();
  dataplane_.take();
  add_pod(1, "b");
  add_pod(2, "c");
  const auto outcomes = reconcile();
  EXPECT_FALSE(outcomes.refusal);
  // The table in force once more, now knowing the two; the addresses; the new table.
  EXPECT_THAT(dataplane_.take(), ElementsAre("publish 2", "upsert 2", "publish 3"));
  EXPECT_NE(dataplane_.identities.at(IpAddress::v4(10, 88, 0, 1)),
            dataplane_.identities.at(IpAddress::v4(10, 88, 0, 2)));
  EXPECT_EQ(publisher_->acknowledged().revision, Revision(3));
  reconcile();
  EXPECT_THAT(dataplane_.take(), IsEmpty());
}

TEST_F(PublisherTest, AnIdentityThatPartsTowardsAKnownOneIsDeniedInBetween) {
  for (const auto* app : {"a", "b", "c"}) add_policy(app);
  add_pod(1, "a");
  add_pod(2, "a");
  add_pod(3, "b");  // what "b" means now may be more than what the old "a" may
  reconcile();
  dataplane_.take();
  add_pod(1, "b");
  add_pod(2, "c");
  reconcile();
  EXPECT_THAT(dataplane_.take(), ElementsAre("publish 2", "upsert 2"));
}

TEST_F(PublisherTest, ARefusedStepBeforeAPartingStillBringsTheNewTable) {
  for (const auto* app : {"a", "b", "c"}) add_policy(app);
  add_pod(1, "a");
  add_pod(2, "a");
  reconcile();
  dataplane_.take();
  add_pod(1, "b");
  add_pod(2, "c");
  dataplane_.refuse = "publish 2";
  reconcile();
  dataplane_.refuse.clear();
  EXPECT_FALSE(reconcile().refusal);
  EXPECT_GE(publisher_->acknowledged().revision, Revision(3));
}

TEST_F(PublisherTest, AMismatchKeepsTheOldTable) {
  add_pod(1, "a");
  add_pod(2, "b");
  reconcile();
  dataplane_.take();
  misread_ = take_all_for_allowed;
  add_policy("a");
  const auto outcomes = reconcile();
  // Both pods allow everything still, so the bytes are the old ones: nothing to publish either way.
  ASSERT_TRUE(outcomes.refusal);
  EXPECT_EQ(outcomes.refusal->cause, "verify");
  EXPECT_THAT(dataplane_.take(), IsEmpty());
  EXPECT_EQ(publisher_->acknowledged().revision, Revision(1));
}

TEST_F(PublisherTest, AMismatchNamesThePairThePortAndBothAnswers) {
  add_pod(1, "a");
  add_pod(2, "b");
  reconcile();
  misread_ = take_all_for_allowed;
  add_policy("a");
  const auto outcomes = reconcile();
  ASSERT_TRUE(outcomes.refusal);
  EXPECT_THAT(outcomes.refusal->error.text(),
              testing::AllOf(HasSubstr("ingress of web/pod-1 (10.88.0.1"), HasSubstr("port 0"),
                             HasSubstr("the oracle says deny by 'default/isolated'"),
                             HasSubstr("the table says allow by 'default/node'")));
}

TEST_F(PublisherTest, AMismatchedPodGetsNoAddress) {
  misread_ = take_all_for_allowed;
  add_policy("a");
  add_pod(1, "a");
  reconcile();
  EXPECT_THAT(dataplane_.identities, IsEmpty());
}

TEST_F(PublisherTest, AMismatchUnderUnchangedSectionsKeepsTheNewAddressOut) {
  add_pod(1, "a");
  reconcile();
  dataplane_.take();
  spoil_ = [](compile::CompiledTable& table) {
    table.addresses.at(std::prev(table.addresses.end())->first).identity = {};
  };
  add_pod(2, "a");
  const auto outcomes = reconcile();
  ASSERT_TRUE(outcomes.refusal);
  EXPECT_EQ(outcomes.refusal->cause, "verify");
  EXPECT_FALSE(dataplane_.identities.contains(IpAddress::v4(10, 88, 0, 2)));
}

TEST_F(PublisherTest, BlockedPublishesNothingNewButTakesAway) {
  add_pod(1, "a");
  add_pod(2, "a");
  reconcile();
  dataplane_.take();
  add_policy("a");
  drop_pod(2);
  const auto outcomes = reconcile(Publishing::Blocked);
  ASSERT_TRUE(outcomes.refusal);
  EXPECT_EQ(outcomes.refusal->cause, "blocked");
  EXPECT_THAT(dataplane_.take(), ElementsAre("remove 1", "detach 18"));
}

TEST_F(PublisherTest, ARefusedTableBringsNoAddress) {
  dataplane_.refuse = "publish";
  add_pod(1, "a");
  ASSERT_TRUE(reconcile().refusal);
  EXPECT_THAT(dataplane_.identities, IsEmpty());
  dataplane_.refuse.clear();
  EXPECT_FALSE(reconcile().refusal);
  EXPECT_EQ(dataplane_.identities.size(), 1u);
}

TEST_F(PublisherTest, ARefusedPortKeepsItsAddressOut) {
  dataplane_.refuse = "attach 17";
  add_pod(1, "a");
  add_pod(2, "a");
  const auto outcomes = reconcile();
  EXPECT_EQ(outcomes.refused_ports.size(), 1u);
  EXPECT_FALSE(dataplane_.identities.contains(IpAddress::v4(10, 88, 0, 1)));
  EXPECT_TRUE(dataplane_.identities.contains(IpAddress::v4(10, 88, 0, 2)));
}

TEST_F(PublisherTest, AfterALossEverythingIsSentAgain) {
  add_pod(1, "a");
  reconcile();
  dataplane_.take();
  dataplane_.lose = "attach";
  add_pod(2, "a");
  const auto outcomes = reconcile();
  ASSERT_TRUE(outcomes.refusal);
  EXPECT_EQ(outcomes.refusal->cause, "lost");
  dataplane_.lose.clear();
  dataplane_.take();
  publisher_->adopt({}, {});
  reconcile();
  EXPECT_THAT(dataplane_.take(), ElementsAre("publish 2", "upsert 2", "attach 17", "attach 18"));
  EXPECT_GT(dataplane_.new_sections, 0u);
}

TEST_F(PublisherTest, ANewAgentRemovesWhatIsNoLongerWished) {
  add_pod(1, "a");
  add_pod(2, "a");
  reconcile();
  const auto kept = dataplane_.identities.at(IpAddress::v4(10, 88, 0, 1));
  dataplane_.take();
  start();
  api::HelloReply reply;
  reply.revision = 1;
  publisher_->adopt(reply, {{PortId(17), 1}, {PortId(18), 2}});
  drop_pod(2);
  reconcile();
  EXPECT_THAT(dataplane_.take(), ElementsAre("remove 1", "detach 18", "publish 2", "upsert 1"));
  EXPECT_EQ(dataplane_.identities.at(IpAddress::v4(10, 88, 0, 1)), kept);
}

TEST_F(PublisherTest, LostNumbersKeepNoAddressOverTheNextTable) {
  add_pod(1, "a");
  reconcile();
  dataplane_.take();
  fs::remove(folder_ / "numbers");
  start();
  api::HelloReply reply;
  reply.revision = 1;
  publisher_->adopt(reply, {{PortId(17), 1}});
  reconcile();
  EXPECT_THAT(dataplane_.take(), ElementsAre("remove 1", "publish 2", "upsert 1"));
}

TEST_F(PublisherTest, AnAddressThatMovesLeavesItsOldPortFirst) {
  add_pod(1, "a");
  reconcile();
  dataplane_.take();
  drop_pod(1);
  add_pod(2, "a");
  auto moved = *inputs_.attached.at(PortId(18));
  moved.ips = {IpAddress::v4(10, 88, 0, 1)};
  attach(moved);
  reconcile();
  const auto said = dataplane_.take();
  ASSERT_GE(said.size(), 2u);
  EXPECT_EQ(said[0], "remove 1");
  EXPECT_EQ(said[1], "detach 17");
  EXPECT_EQ(said.back(), "upsert 1");
}

}  // namespace
}  // namespace bulkhead::control::apply
