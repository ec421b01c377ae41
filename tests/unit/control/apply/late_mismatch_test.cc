// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <memory>
#include <optional>

#include "control/apply/publisher.h"
#include "policy/table/view.h"
#include "tests/unit/control/apply/publisher_fixture.h"

namespace bulkhead::control::apply {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A compiler bug that spoils what the change could not touch, found where there was no time to look
// at all that the bytes answer otherwise.
class LateMismatchTest : public PublisherTest {
 protected:
  void SetUp() override {
    PublisherTest::SetUp();
    add_pod(1, "a");
    add_pod(2, "b");
    add_policy("a");
  }
  // The next table forgets that "a" is isolated. Before the swap there is time for one pair.
  void publish_a_wrong_table() {
    has_time_ = false;
    publish_a_wrong_table_in_time();
    has_time_ = true;
  }
  Outcomes publish_a_wrong_table_in_time() {
    misread_ = [](model::Cluster& cluster) {
      cluster.policies.erase("NetworkPolicy/web/isolate-a");
    };
    add_policy("b");
    return reconcile();
  }
  std::optional<Outcomes> sweep() { return sweep(&dataplane_); }
  std::optional<Outcomes> sweep(Dataplane* dataplane) {
    while (publisher_->is_verifying()) {
      const Status same = publisher_->verify_on();
      if (!same) return publisher_->fall_back(same.error(), ports_, dataplane);
    }
    return std::nullopt;
  }
};

TEST_F(LateMismatchTest, WhatIsRightIsComparedToTheEnd) {
  has_time_ = false;  // a pair a step
  EXPECT_TRUE(reconcile().has_published);
  EXPECT_LT(publisher_->verified_ratio(), 1);
  EXPECT_FALSE(sweep());
  EXPECT_EQ(publisher_->verified_ratio(), 1);
  EXPECT_FALSE(publisher_->is_verifying());
}

TEST_F(LateMismatchTest, APodUnderTheSameBytesIsPartOfWhatIsCompared) {
  reconcile();
  EXPECT_FALSE(sweep());
  add_pod(3, "a");
  EXPECT_FALSE(reconcile().has_published);
  EXPECT_EQ(publisher_->verified_ratio(), 1);  // all that is new was compared before it was sent
  has_time_ = false;
  add_pod(4, "b");  // the second of its kind: what they say to each other
  EXPECT_FALSE(reconcile().has_published);
  EXPECT_LT(publisher_->verified_ratio(), 1);
  EXPECT_FALSE(sweep());
  EXPECT_EQ(publisher_->verified_ratio(), 1);
}

// Two pods of a kind are two pods of one identity, and all that they say was compared.
TEST_F(LateMismatchTest, AThirdPodOfAKindIsNothingNew) {
  reconcile();
  add_pod(3, "a");
  reconcile();
  EXPECT_FALSE(sweep());
  has_time_ = false;
  add_pod(4, "a");
  EXPECT_FALSE(reconcile().has_published);
  EXPECT_EQ(publisher_->verified_ratio(), 1);
}

TEST_F(LateMismatchTest, WhatTheChangeDoesNotTouchIsComparedInTimeWhereItsBytesDiffer) {
  reconcile();
  EXPECT_FALSE(sweep());
  const auto outcomes = publish_a_wrong_table_in_time();
  ASSERT_TRUE(outcomes.refusal);
  EXPECT_THAT(outcomes.refusal->error.text(), HasSubstr("of web/pod-1"));
  EXPECT_EQ(publisher_->in_force().table->revision, Revision(1));
  EXPECT_EQ(publisher_->verified_ratio(), 1);
}

TEST_F(LateMismatchTest, WhatIsReconciledAgainIsNotComparedAgain) {
  has_time_ = false;
  reconcile();
  ASSERT_TRUE(publisher_->verify_on());
  const double ratio = publisher_->verified_ratio();
  ASSERT_GT(ratio, 0);
  reconcile();
  EXPECT_EQ(publisher_->verified_ratio(), ratio);
}

TEST_F(LateMismatchTest, TheLastVerifiedRevisionIsPublishedAgain) {
  reconcile();
  EXPECT_FALSE(sweep());
  publish_a_wrong_table();
  EXPECT_THAT(dataplane_.take(), Contains("publish 2"));
  const auto outcomes = sweep();
  ASSERT_TRUE(outcomes && outcomes->refusal);
  EXPECT_EQ(outcomes->refusal->cause, "verify");
  EXPECT_THAT(outcomes->refusal->error.text(),
              testing::AllOf(HasSubstr("revision 2 was in force and is wrong; back to 1"),
                             HasSubstr("of web/pod-1"), HasSubstr("the oracle says deny"),
                             HasSubstr("the table says allow")));
  EXPECT_THAT(dataplane_.take(), ElementsAre("publish 1"));
  EXPECT_EQ(publisher_->acknowledged().revision, Revision(1));
  EXPECT_EQ(publisher_->in_force().table->revision, Revision(1));
  EXPECT_EQ(publisher_->verified_ratio(), 1);
}

TEST_F(LateMismatchTest, TheWrongTableDoesNotComeBackUntilItIsAnotherOne) {
  reconcile();
  sweep();
  publish_a_wrong_table();
  sweep();
  dataplane_.take();
  EXPECT_TRUE(reconcile().refusal);
  EXPECT_THAT(dataplane_.take(), IsEmpty());
  misread_ = {};
  EXPECT_FALSE(reconcile().refusal);
  EXPECT_THAT(dataplane_.take(), ElementsAre("publish 3"));
}

TEST_F(LateMismatchTest, AddressesGoBackToWhatTheirTableKnows) {
  add_pod(3, "d");
  reconcile();
  sweep();
  const auto before = dataplane_.identities;
  // "a" opens to "d", which has nothing to do with the pod that changes.
  misread_ = [](model::Cluster& cluster) {
    auto wrong =
        std::make_shared<model::Policy>(*cluster.policies.at("NetworkPolicy/web/isolate-a"));
    model::Rule rule;
    rule.index = "0";
    rule.peers = {model::PodPeer{std::nullopt, model::LabelSelector{{{"app", "d"}}, {}}}};
    wrong->rules[static_cast<std::size_t>(Direction::Ingress)] = {rule};
    cluster.policies[wrong->id()] = wrong;
  };
  add_pod(2, "c");
  has_time_ = false;
  ASSERT_FALSE(reconcile().refusal);
  has_time_ = true;
  ASSERT_NE(dataplane_.identities, before);
  ASSERT_TRUE(sweep());
  EXPECT_EQ(dataplane_.identities, before);
}

TEST_F(LateMismatchTest, AWayBackThatWasRefusedIsTriedAgain) {
  reconcile();
  sweep();
  publish_a_wrong_table();
  dataplane_.refuse = "publish 1";
  sweep();
  dataplane_.refuse.clear();
  ASSERT_EQ(publisher_->acknowledged().revision, Revision(2));
  dataplane_.take();
  EXPECT_TRUE(reconcile().refusal);
  EXPECT_THAT(dataplane_.take(), ElementsAre("publish 1"));
  EXPECT_EQ(publisher_->acknowledged().revision, Revision(1));
}

TEST_F(LateMismatchTest, AWrongTableIsReplacedWhenItsDataPlaneIsBack) {
  reconcile();
  sweep();
  publish_a_wrong_table();
  dataplane_.take();
  publisher_->forget();
  ASSERT_TRUE(sweep(nullptr));
  dataplane::api::HelloReply still_wrong;
  still_wrong.revision = 2;
  publisher_->adopt(still_wrong, {});
  reconcile();
  EXPECT_THAT(dataplane_.take(), Contains("publish 1"));
  EXPECT_EQ(publisher_->acknowledged().revision, Revision(1));
}

TEST_F(LateMismatchTest, WithNothingVerifiedEverythingIsClosed) {
  has_time_ = false;
  add_policy("b");
  misread_ = [](model::Cluster& cluster) { cluster.policies.erase("NetworkPolicy/web/isolate-b"); };
  reconcile();
  ASSERT_THAT(dataplane_.take(), Contains("publish 1"));
  const auto outcomes = sweep();
  ASSERT_TRUE(outcomes && outcomes->refusal);
  EXPECT_THAT(dataplane_.take(), Contains("publish 2"));
  const auto view = table::TableView::open(publisher_->in_force().table->section_bytes());
  ASSERT_TRUE(view);
  EXPECT_EQ(view->decisions().size(), 1u);  // "denied, in no rule"
}

}  // namespace
}  // namespace bulkhead::control::apply
