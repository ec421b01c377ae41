// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <random>
#include <set>

#include "tests/unit/control/apply/publisher_fixture.h"

namespace bulkhead::control::apply {
namespace {

// Whatever happened on the way: what is held in the end is what everything from nothing would be.
class RandomEventsTest : public PublisherTest {
 protected:
  unsigned one_of(unsigned count) { return static_cast<unsigned>(random_() % count); }
  std::string app() { return std::string(1, static_cast<char>('a' + one_of(4))); }

  void edit() {
    const auto number = static_cast<std::uint8_t>(1 + one_of(6));
    switch (one_of(7)) {
      case 0:
      case 1:
        add_pod(number, app());
        break;
      case 2:
        drop_pod(number);
        break;
      case 3: {
        // A pod elsewhere, at an address that one here may have, or of the name of one here.
        auto pod = std::make_shared<model::Pod>();
        pod->key = {"web", (one_of(2) == 0 ? "pod-" : "far-") + std::to_string(number)};
        pod->labels["app"] = app();
        pod->ips = {IpAddress::v4(10, 88, 0, static_cast<std::uint8_t>(1 + one_of(12)))};
        pod->finished = one_of(5) == 0;
        inputs_.accepted.pods.insert_or_assign(pod->key, pod);
        break;
      }
      case 4:
        inputs_.accepted.pods.erase({"web", "far-" + std::to_string(number)});
        inputs_.accepted.pods.erase({"web", "pod-" + std::to_string(number)});
        break;
      case 5:
        add_policy(app());
        if (one_of(2) == 0) inputs_.accepted.policies.erase("NetworkPolicy/web/isolate-" + app());
        break;
      default:
        inputs_.node_addresses = {IpAddress::v4(10, 88, 0, static_cast<std::uint8_t>(one_of(15)))};
    }
  }

  void break_something() {
    const char* const calls[] = {"publish", "upsert", "remove", "attach", "detach"};
    (one_of(3) == 0 ? dataplane_.lose : dataplane_.refuse) = calls[one_of(5)];
  }

  std::map<IpAddress, std::uint32_t> wished() const {
    const auto desired = state::desired(inputs_);
    std::map<IpAddress, std::uint32_t> identities;
    for (const auto& [address, item] : publisher_->in_force().table->addresses) {
      const auto place = desired.addresses.find(address);
      if (place == desired.addresses.end() || place->second.pod != item.pod) continue;
      identities[address] = item.identity.value;
    }
    for (const auto& address : desired.node_addresses) {
      identities[address] = kOwnNodeIdentity.value;
    }
    return identities;
  }

  void reconnect() {
    dataplane_.refuse.clear();
    dataplane_.lose.clear();
    if (publisher_->acknowledged().revision.value != 0) return;
    dataplane_.identities.clear();
    publisher_->adopt({}, {});
  }

  std::mt19937 random_;
};

TEST_F(RandomEventsTest, WhatIsHeldIsWhatEverythingFromNothingWouldBe) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  random_.seed(seed);
  for (int event = 0; event < 400; ++event) {
    SCOPED_TRACE("event " + std::to_string(event));
    for (unsigned count = 1 + one_of(2); count > 0; --count) edit();
    if (one_of(4) == 0) {
      break_something();
      reconcile();
      reconnect();
    }
    const auto outcomes = reconcile();
    ASSERT_FALSE(outcomes.refusal) << outcomes.refusal->error.text();
    ASSERT_EQ(dataplane_.identities, wished());
    const auto& held = publisher_->acknowledged().addresses;
    ASSERT_EQ(held.entries().size(), dataplane_.identities.size());
    std::map<std::uint32_t, std::size_t> carriers;
    for (const auto& [address, identity] : dataplane_.identities) ++carriers[identity];
    for (const auto& [identity, count] : carriers) {
      ASSERT_EQ(held.carriers(IdentityId(identity)), count);
    }
    // Once more without the aliases of what was retired, and then never again.
    reconcile();
    ASSERT_EQ(dataplane_.identities, wished());
    dataplane_.take();
    reconcile();
    ASSERT_THAT(dataplane_.take(), testing::IsEmpty());
  }
}

// Law 7, both ways: no number is given back while something names it, and none is kept for ever.
TEST_F(RandomEventsTest, TheNumbersThatAreKeptAreThoseThatAreNamed) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  random_.seed(seed);
  std::set<std::string> ever;
  for (int event = 0; event < 200; ++event) {
    SCOPED_TRACE("event " + std::to_string(event));
    edit();
    if (one_of(4) == 0) {
      break_something();
      reconcile();
      reconnect();
    }
    ASSERT_FALSE(reconcile().refusal);
    const auto numbers_now = numbers_->identities();
    for (const auto& [id, key] : publisher_->in_force().table->identity_keys) {
      const auto known = numbers_now.find(*key);
      ASSERT_TRUE(known != numbers_now.end() && known->second == id.value) << *key;
    }
    while (publisher_->is_verifying()) ASSERT_TRUE(publisher_->verify_on());
    // The way back is the table in force now.
    reconcile();
    ASSERT_EQ(numbers_->identities().size(), publisher_->in_force().table->identity_keys.size());
    for (const auto& [key, number] : numbers_now) ever.insert(key);
  }
  inputs_ = {};
  ports_.clear();
  reconcile();
  while (publisher_->is_verifying()) ASSERT_TRUE(publisher_->verify_on());
  reconcile();
  EXPECT_LT(numbers_->identities().size(), ever.size());
}

TEST_F(RandomEventsTest, TheFileLeadsToTheNumbersThatWereGivenOut) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  random_.seed(seed);
  for (int event = 0; event < 100; ++event) {
    edit();
    if (!reconcile().has_published) continue;
    const auto loaded = NumbersFile::open(folder_);
    ASSERT_TRUE(loaded);
    ASSERT_FALSE(loaded->was_lost);
    EXPECT_EQ(loaded->revision, publisher_->acknowledged().revision);
    for (const auto& [id, key] : publisher_->in_force().table->identity_keys) {
      const auto known = loaded->numbers.identities().find(*key);
      ASSERT_TRUE(known != loaded->numbers.identities().end());
      ASSERT_EQ(known->second, id.value);
    }
  }
}

}  // namespace
}  // namespace bulkhead::control::apply
