// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker/handoff.h"

#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include <thread>

#include "tests/unit/dataplane/port/eal_environment.h"

namespace bulkhead::dataplane {
namespace {

class HandOffTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(eal_for_tests());
    auto pool = BufferPool::make("handed", 2047, 256);
    ASSERT_TRUE(pool) << pool.error().text();
    pool_ = std::move(*pool);
    auto handoff = HandOff::make(2);
    ASSERT_TRUE(handoff) << handoff.error().text();
    handoff_ = std::move(*handoff);
  }
  std::unique_ptr<BufferPool> pool_;
  std::unique_ptr<HandOff> handoff_;
};

TEST_F(HandOffTest, KeepsPortAndGeneration) {
  rte_mbuf* packet = pool_->take();
  ASSERT_TRUE(handoff_->put(1, packet, PortId{4095}, 77));
  Batch batch;
  handoff_->take(0, batch);
  EXPECT_EQ(batch.size, 0);
  handoff_->take(1, batch);
  ASSERT_EQ(batch.size, 1);
  EXPECT_EQ(batch.mbuf[0], packet);
  EXPECT_EQ(batch.in_port[0], PortId{4095});
  EXPECT_EQ(batch.generation[0], 77u);
  EXPECT_TRUE(batch.handed_over[0]);
  pool_->give_back(packet);
}

TEST_F(HandOffTest, RefusesWhenFullAndLeavesThePacket) {
  std::size_t taken = 0;
  rte_mbuf* packet = pool_->take();
  while (handoff_->put(1, packet, PortId{1}, 1)) {
    ++taken;
    packet = pool_->take();
  }
  EXPECT_GE(taken, HandOff::kRingSize - 1);
  pool_->give_back(packet);
  handoff_.reset();  // frees what still waits
  EXPECT_EQ(pool_->in_use(), 0u);
}

TEST_F(HandOffTest, DoesNotLieDownWhenSomethingWaits) {
  rte_mbuf* packet = pool_->take();
  ASSERT_TRUE(handoff_->put(0, packet, PortId{1}, 1));
  EXPECT_FALSE(handoff_->sleeps(0));
  EXPECT_FALSE(handoff_->lie_down(0));
  handoff_->get_up(0);
}

TEST_F(HandOffTest, WakesASleeperOnce) {
  EXPECT_TRUE(handoff_->lie_down(0));
  EXPECT_TRUE(handoff_->sleeps(0));
  EXPECT_FALSE(handoff_->sleeps(0));
  handoff_->get_up(0);
}

TEST_F(HandOffTest, LosesNothingBetweenThreads) {
  constexpr std::size_t kPackets = 50'000;
  std::size_t seen = 0;
  std::size_t wrong = 0;
  std::jthread owner([&] {
    std::uint32_t expected = 0;
    while (seen < kPackets) {
      Batch batch;
      handoff_->take(1, batch);
      for (std::size_t i = 0; i < batch.size; ++i) {
        if (batch.generation[i] != expected++) ++wrong;
        pool_->give_back(batch.mbuf[i]);
      }
      seen += batch.size;
      if (batch.size == 0) std::this_thread::yield();
    }
  });
  for (std::uint32_t i = 0; i < kPackets;) {
    rte_mbuf* packet = pool_->take();
    if (packet == nullptr) {
      std::this_thread::yield();
      continue;
    }
    while (!handoff_->put(1, packet, PortId{1}, i)) std::this_thread::yield();
    ++i;
  }
  owner.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(seen, kPackets);
}

}  // namespace
}  // namespace bulkhead::dataplane
