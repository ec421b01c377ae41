// SPDX-License-Identifier: Apache-2.0
#include "dataplane/publish/address_map.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace bulkhead::dataplane {
namespace {

IpAddress v4(std::uint32_t number) {
  return IpAddress::v4(10, static_cast<std::uint8_t>(number >> 16),
                       static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number));
}

IpAddress v6(std::uint32_t number) {
  auto address = IpAddress::parse("fd00::").value();
  for (unsigned i = 0; i < 4; ++i) {
    address.bytes[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  }
  return address;
}

AddressRecord record(std::uint32_t identity, std::uint32_t port = 0) {
  return {IdentityId{identity}, PortId{port}, false, true};
}

TEST(AddressMap, FindsWhatWasPutAndNothingElse) {
  AddressMap map(100);
  ASSERT_TRUE(map.upsert(v4(1), record(17, 5)));
  ASSERT_TRUE(map.upsert(v6(1), record(18)));
  EXPECT_EQ(map.find(v4(1)).identity, IdentityId{17});
  EXPECT_EQ(map.find(v4(1)).port, PortId{5});
  EXPECT_EQ(map.find(v6(1)).identity, IdentityId{18});
  EXPECT_FALSE(map.find(v4(2)).is_known);
  EXPECT_FALSE(map.find(v6(2)).is_known);
}

TEST(AddressMap, KeepsFamiliesApart) {
  AddressMap map(100);
  IpAddress six = v4(1);  // the same sixteen bytes
  six.family = Family::V6;
  ASSERT_TRUE(map.upsert(v4(1), record(17)));
  EXPECT_FALSE(map.find(six).is_known);
  EXPECT_FALSE(map.find(IpAddress{{}, Family::V6}).is_known);
  EXPECT_FALSE(map.find(IpAddress{}).is_known);
}

TEST(AddressMap, RaisesTheEpochOnlyForRealChanges) {
  AddressMap map(100);
  const auto before = map.epoch();
  ASSERT_TRUE(map.upsert(v4(1), record(17)));
  const auto added = map.epoch();
  EXPECT_GT(added, before);
  ASSERT_TRUE(map.upsert(v4(1), record(17)));
  EXPECT_EQ(map.epoch(), added);
  ASSERT_TRUE(map.upsert(v4(1), record(18)));
  EXPECT_GT(map.epoch(), added);
  const auto changed = map.epoch();
  EXPECT_FALSE(map.remove(v4(2)));
  EXPECT_EQ(map.epoch(), changed);
  EXPECT_TRUE(map.remove(v4(1)));
  EXPECT_GT(map.epoch(), changed);
  EXPECT_FALSE(map.find(v4(1)).is_known);
}

TEST(AddressMap, RefusesMoreThanItsCapacity) {
  AddressMap map(10);
  for (std::uint32_t i = 0; i < 10; ++i) ASSERT_TRUE(map.upsert(v4(i), record(20)));
  const auto epoch = map.epoch();
  EXPECT_FALSE(map.upsert(v4(10), record(20)));
  EXPECT_EQ(map.epoch(), epoch);
  EXPECT_TRUE(map.upsert(v4(9), record(21)));
  EXPECT_TRUE(map.remove(v4(0)));
  EXPECT_TRUE(map.upsert(v4(10), record(20)));
}

TEST(AddressMap, HoldsAHundredThousandAddressesThroughChurn) {
  constexpr std::uint32_t kCount = 50'000;
  AddressMap map(2 * kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) {
    ASSERT_TRUE(map.upsert(v4(i), record(16 + i)));
    ASSERT_TRUE(map.upsert(v6(i), record(16 + i)));
  }
  for (std::uint32_t i = 0; i < kCount; i += 2) ASSERT_TRUE(map.remove(v4(i)));
  std::vector<IpAddress> questions;
  for (std::uint32_t i = 0; i < kCount; ++i) questions.push_back(v4(i));
  for (std::uint32_t i = 0; i < kCount; ++i) questions.push_back(v6(i));
  std::vector<AddressRecord> answers(questions.size());
  map.lookup(questions, answers);
  for (std::uint32_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(answers[i].is_known, i % 2 == 1) << i;
    ASSERT_EQ(answers[kCount + i].identity, IdentityId{16 + i});
  }
  EXPECT_EQ(map.size(), std::size_t{kCount} + kCount / 2);
}

// A reader sees either record of an address whole, never a mixture, and never misses an address
// that stays. Run under TSan as well.
TEST(AddressMap, ReadersNeverSeeHalfARecord) {
  AddressMap map(64);
  ASSERT_TRUE(map.upsert(v4(1), record(100, 100)));
  for (std::uint32_t i = 2; i < 40; ++i) ASSERT_TRUE(map.upsert(v4(i), record(i, i)));
  std::atomic<bool> is_done{false};
  std::atomic<std::uint64_t> wrong{0};
  std::jthread reader([&] {
    while (!is_done.load()) {
      const auto found = map.find(v4(1));
      if (!found.is_known || found.identity.value != found.port.value) wrong.fetch_add(1);
    }
  });
  for (std::uint32_t i = 0; i < 50'000; ++i) {
    ASSERT_TRUE(map.upsert(v4(1), record(i % 4000 + 1, i % 4000 + 1)));
    map.remove(v4(2 + i % 38));
    ASSERT_TRUE(map.upsert(v4(2 + i % 38), record(i % 4000 + 1, i % 4000 + 1)));
  }
  is_done = true;
  reader.join();
  EXPECT_EQ(wrong.load(), 0u);
}

}  // namespace
}  // namespace bulkhead::dataplane
