// SPDX-License-Identifier: Apache-2.0
#include "control/apply/publisher.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

#include "dataplane/api/validate.h"

namespace bulkhead::control::apply {
namespace {

namespace api = dataplane::api;
namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

// The other end of dataplane.sock: writes down what it was told, in order, and refuses or breaks on
// demand.
class FakeDataplane final : public Dataplane {
 public:
  Outcome<api::Ack> configure(const api::Configure&) override { return say("configure"); }
  Outcome<api::Ack> publish(Revision revision, std::span<const OutgoingSection> sections) override {
    new_sections = 0;
    for (const auto& section : sections) new_sections += section.is_new ? 1U : 0U;
    return say("publish " + std::to_string(revision.value));
  }
  Outcome<api::Ack> attach(const api::AttachPort& port, std::span<const int>) override {
    return say("attach " + std::to_string(port.port));
  }
  Outcome<api::Ack> detach(PortId port, std::uint32_t) override {
    return say("detach " + std::to_string(port.value));
  }
  Outcome<api::Ack> upsert(std::span<const api::AddressUpdate> updates) override {
    for (const auto& update : updates) identities[api::from_wire(update.address)] = update.identity;
    return say("upsert " + std::to_string(updates.size()));
  }
  Outcome<api::Ack> remove(std::span<const IpAddress> addresses) override {
    for (const auto& address : addresses) identities.erase(address);
    return say("remove " + std::to_string(addresses.size()));
  }

  std::vector<std::string> take() { return std::exchange(said, {}); }

  std::vector<std::string> said;
  std::map<IpAddress, std::uint32_t> identities;
  std::size_t new_sections = 0;
  std::string refuse;  // the call that is refused
  std::string lose;    // the call after which the connection is broken

 private:
  Outcome<api::Ack> say(const std::string& call) {
    said.push_back(call);
    if (!lose.empty() && call.starts_with(lose)) {
      return tl::unexpected(Problem{Problem::Kind::Lost, {"broken", {}}});
    }
    if (!refuse.empty() && call.starts_with(refuse)) {
      return tl::unexpected(Problem{Problem::Kind::Refused, {"no", {}}});
    }
    return api::Ack{};
  }
};

class PublisherTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "bulkhead-apply-XXXXXX").native();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    start();
    publisher_->adopt({}, {});
  }
  void TearDown() override { fs::remove_all(folder_); }

  void start() {
    auto numbers = NumbersFile::open(folder_);
    auto journal = AddressJournal::open(folder_ / "addresses");
    ASSERT_TRUE(numbers && journal);
    publisher_.emplace(std::move(*numbers), std::move(*journal),
                       [this](const auto&, const auto&, const auto&) -> Result<Verified> {
                         if (is_mismatch_) return fail("the oracle says otherwise");
                         return Verified{};
                       });
  }
  // A pod at port 16 + its number, at address 10.88.0.<number>.
  void add_pod(std::uint8_t number, const std::string& app) {
    state::AttachedPod pod;
    pod.pod = {"web", "pod-" + std::to_string(number)};
    pod.labels["app"] = app;
    pod.ips = {IpAddress::v4(10, 88, 0, number)};
    pod.port = PortId(16U + number);
    std::erase_if(inputs_.attached, [&](const auto& other) { return other.pod == pod.pod; });
    inputs_.attached.push_back(pod);
    PortWish wish;
    wish.message.port = pod.port.value;
    wish.message.generation = number;
    ports_[pod.port] = wish;
  }
  void drop_pod(std::uint8_t number) {
    std::erase_if(inputs_.attached,
                  [&](const auto& pod) { return pod.port == PortId(16U + number); });
    ports_.erase(PortId(16U + number));
  }
  // Isolates the pods of one app, so that the label can be told apart.
  void add_policy(const std::string& app) {
    auto policy = std::make_shared<model::Policy>();
    policy->namespace_name = "web";
    policy->name = "isolate-" + app;
    policy->subject_pods.match_labels["app"] = app;
    inputs_.accepted.objects.policies.push_back(policy);
  }
  Outcomes reconcile(Publishing publishing = Publishing::Open) {
    auto wished = state::desired(inputs_);
    EXPECT_TRUE(wished) << wished.error().text();
    return publisher_->reconcile(std::make_shared<const state::Desired>(std::move(*wished)), ports_,
                                 publishing, &dataplane_);
  }

  fs::path folder_;
  bool is_mismatch_ = false;
  std::optional<Publisher> publisher_;
  FakeDataplane dataplane_;
  state::Inputs inputs_;
  PortWishes ports_;
};

TEST_F(PublisherTest, TablesGoBeforePortsAndPortsBeforeAddresses) {
  add_pod(1, "a");
  const auto outcomes = reconcile();
  EXPECT_FALSE(outcomes.refusal);
  EXPECT_TRUE(outcomes.has_published);
  EXPECT_THAT(dataplane_.take(), ElementsAre("publish 1", "attach 17", "upsert 1"));
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
  reconcile();
  dataplane_.take();
  is_mismatch_ = true;
  add_policy("a");
  const auto outcomes = reconcile();
  ASSERT_TRUE(outcomes.refusal);
  EXPECT_EQ(outcomes.refusal->cause, "verify");
  EXPECT_THAT(dataplane_.take(), IsEmpty());
  EXPECT_EQ(publisher_->acknowledged().revision, Revision(1));
}

TEST_F(PublisherTest, AMismatchedPodGetsNoAddress) {
  is_mismatch_ = true;
  add_pod(1, "a");
  reconcile();
  EXPECT_THAT(dataplane_.identities, IsEmpty());
}

TEST_F(PublisherTest, AMismatchUnderUnchangedSectionsKeepsTheNewAddressOut) {
  add_pod(1, "a");
  reconcile();
  dataplane_.take();
  is_mismatch_ = true;
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
  EXPECT_THAT(dataplane_.take(), ElementsAre("publish 2", "attach 17", "attach 18", "upsert 2"));
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
  inputs_.attached[0].ips = {IpAddress::v4(10, 88, 0, 1)};
  reconcile();
  const auto said = dataplane_.take();
  ASSERT_GE(said.size(), 2u);
  EXPECT_EQ(said[0], "remove 1");
  EXPECT_EQ(said[1], "detach 17");
  EXPECT_EQ(said.back(), "upsert 1");
}

}  // namespace
}  // namespace bulkhead::control::apply
