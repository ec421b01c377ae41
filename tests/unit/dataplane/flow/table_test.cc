// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow/table.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <new>
#include <random>
#include <set>

#include "dataplane/flow/ageing.h"
#include "policy/base/protocol.h"

namespace bulkhead::dataplane {
namespace {

struct Aligned {
  void operator()(std::byte* p) const { ::operator delete (p, std::align_val_t{128}); }
};

class FlowTableTest : public ::testing::Test {
 protected:
  // Opens over the same memory every time: as a restart does.
  Result<FlowTable> open(std::uint64_t max_flows = 64, std::uint8_t workers = 1) {
    const std::size_t bytes = FlowTable::bytes_needed(max_flows);
    if (memory_ == nullptr) {
      memory_.reset(static_cast<std::byte*>(::operator new (2 * bytes, std::align_val_t{128})));
      std::memset(memory_.get(), 0, 2 * bytes);
      bytes_ = 2 * bytes;
    }
    FlowTableConfig config;
    config.max_flows = max_flows;
    config.workers = workers;
    config.key = {0x9ae16a3b2f90404f, 0xc3a5c85c97cb3127, 0xb492b66fbe98f273, 0x165667b19e3779f9};
    config.steering = {1, 1, 2, 2};
    config.now = now;
    return FlowTable::open({memory_.get(), bytes_}, config);
  }
  static FlowKey key(std::uint16_t port, std::uint8_t family = 4, std::uint8_t protocol = kUdp) {
    FlowKey made;
    made.family = family;
    made.protocol = protocol;
    made.source_port = Be16(port);
    made.destination_port = Be16(53);
    made.source[0] = 10;
    made.destination[0] = 20;
    return made;
  }

  Now now{5'000'000'000, 0};
  std::unique_ptr<std::byte[], Aligned> memory_;
  std::size_t bytes_ = 0;
};

TEST_F(FlowTableTest, FindsBothDirectionsOfOneEntry) {
  auto table = open().value();
  const std::uint32_t slot = table.insert(key(1), 16, now);
  EXPECT_EQ(table.find(key(1)).slot, slot);
  EXPECT_FALSE(table.find(key(1)).is_reply);
  EXPECT_EQ(table.find(key(1).reversed()).slot, slot);
  EXPECT_TRUE(table.find(key(1).reversed()).is_reply);
  EXPECT_EQ(table.find(key(1), FlowTable::Match::Reverse).slot, kNoSlot);
  EXPECT_EQ(table.find(key(1).reversed(), FlowTable::Match::Forward).slot, kNoSlot);
  EXPECT_EQ(table.find(key(2)).slot, kNoSlot);
}

TEST_F(FlowTableTest, KeepsFamiliesAndProtocolsApart) {
  auto table = open().value();
  EXPECT_NE(table.insert(key(1, 4), 16, now), kNoSlot);
  EXPECT_EQ(table.find(key(1, 6)).slot, kNoSlot);
  EXPECT_EQ(table.find(key(1, 4, kTcp)).slot, kNoSlot);
}

TEST_F(FlowTableTest, KeepsItsFlowsOverARestart) {
  {
    auto table = open().value();
    EXPECT_EQ(table.start(), FlowTable::Start::Cold);
    for (std::uint16_t port = 1; port <= 3; ++port) {
      EXPECT_NE(table.insert(key(port), 16, now), kNoSlot);
    }
    table.erase(table.find(key(2)).slot);
  }
  auto table = open().value();
  EXPECT_EQ(table.start(), FlowTable::Start::TakeOver);
  EXPECT_EQ(table.size(), 2u);
  EXPECT_NE(table.find(key(1)).slot, kNoSlot);
  EXPECT_EQ(table.find(key(2)).slot, kNoSlot);
  EXPECT_NE(table.find(key(3).reversed()).slot, kNoSlot);
  EXPECT_EQ(table.steering_key(), (HashKey{1, 1, 2, 2}));
  EXPECT_EQ(table.count(AgeClass::Unassured), 2u);
}

TEST_F(FlowTableTest, FreesEntriesThatWereBeingWritten) {
  {
    auto table = open().value();
    for (std::uint16_t port = 1; port <= 3; ++port) {
      EXPECT_NE(table.insert(key(port), 16, now), kNoSlot);
    }
    table[table.find(key(2)).slot].sequence |= 1;  // its writer died here
    table[table.find(key(3)).slot].key.family = 9;
  }
  auto table = open().value();
  EXPECT_EQ(table.size(), 1u);
  EXPECT_NE(table.find(key(1)).slot, kNoSlot);
  std::set<std::uint32_t> slots;
  for (std::uint16_t port = 10; port < 73; ++port) slots.insert(table.insert(key(port), 16, now));
  EXPECT_EQ(slots.size(), 63u);
  EXPECT_FALSE(slots.contains(kNoSlot));
}

TEST_F(FlowTableTest, StartsColdForAnotherPartitionOrSize) {
  EXPECT_NE(open().value().insert(key(1), 16, now), kNoSlot);
  EXPECT_EQ(open(64, 2).value().start(), FlowTable::Start::Cold);
  EXPECT_EQ(open(64, 2).value().start(), FlowTable::Start::TakeOver);
  auto smaller = open(32, 2).value();
  EXPECT_EQ(smaller.start(), FlowTable::Start::Cold);
  EXPECT_EQ(smaller.find(key(1)).slot, kNoSlot);
}

TEST_F(FlowTableTest, RefusesMemoryThatIsTooSmall) {
  alignas(128) static std::byte little[128];
  EXPECT_FALSE(FlowTable::open(little, FlowTableConfig{}));
}

TEST_F(FlowTableTest, FillsToItsCapacity) {
  auto table = open(4096).value();
  for (std::uint32_t n = 0; n < 4096; ++n) {
    ASSERT_NE(table.insert(key(static_cast<std::uint16_t>(n)), 16, now), kNoSlot) << n;
  }
  EXPECT_EQ(table.insert(key(5000), 16, now), kNoSlot);
  EXPECT_EQ(table.room_for(16, false, now).reason, DropReason::FlowTableFull);
}

TEST_F(FlowTableTest, FourMillionFlowsFitIn700Megabytes) {
  EXPECT_LE(FlowTable::bytes_needed(4'000'000), 700'000'000u);
}

TEST_F(FlowTableTest, ExpiresIdleFlowsOnceAndKeepsTheOthers) {
  auto table = open().value();
  const std::uint32_t idle = table.insert(key(1), 16, now);
  const std::uint32_t busy = table.insert(key(2), 16, now);
  now.monotonic_ns += 20'000'000'000;
  EXPECT_EQ(Ageing::slice(table, now).count, 0u);
  table[busy].last_seen_ms = milliseconds(now);
  now.monotonic_ns += 13'000'000'000;
  const auto expired = Ageing::slice(table, now);
  ASSERT_EQ(expired.count, 1u);
  EXPECT_EQ(expired.slot[0], idle);
  table.erase(idle);
  EXPECT_EQ(Ageing::slice(table, now).count, 0u);
  now.monotonic_ns += 65'000'000'000;
  EXPECT_EQ(Ageing::slice(table, now).count, 1u);
}

TEST_F(FlowTableTest, ShortensTimeoutsUnderPressure) {
  EXPECT_EQ(Ageing::adapted_ms(AgeClass::Udp, 750, 1000), 180'000u);
  EXPECT_EQ(Ageing::adapted_ms(AgeClass::Udp, 875, 1000), 90'000u);
  EXPECT_EQ(Ageing::adapted_ms(AgeClass::Udp, 1000, 1000), 180'000u / 16);
}

// Random inserts, erases, look-ups and restarts: the table is a map.
TEST_F(FlowTableTest, EqualsAMap) {
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  auto table = std::make_unique<FlowTable>(open(512).value());
  std::map<std::uint16_t, std::uint32_t> model;
  for (int step = 0; step < 100'000; ++step) {
    const auto port = static_cast<std::uint16_t>(1 + random() % 700);
    const FlowKey tuple = random() % 2 == 0 ? key(port, 6) : key(port, 6).reversed();
    const auto known = model.find(port);
    const auto found = table->find(tuple);
    ASSERT_EQ(found.slot, known == model.end() ? kNoSlot : known->second);
    if (known != model.end() && random() % 3 == 0) {
      table->erase(known->second);
      model.erase(known);
    } else if (known == model.end() && model.size() < 512) {
      model[port] = table->insert(key(port, 6), 16, now);
    }
    ASSERT_EQ(table->size(), model.size());
    if (random() % 20'000 == 0) {
      table.reset();
      table = std::make_unique<FlowTable>(open(512).value());
    }
  }
}

}  // namespace
}  // namespace bulkhead::dataplane
