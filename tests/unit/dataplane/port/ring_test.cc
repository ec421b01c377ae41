// SPDX-License-Identifier: Apache-2.0
#include "dataplane/port/ring.h"

#include <gtest/gtest.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include <array>

#include "dataplane/port/offload.h"
#include "dataplane/port/tap_frame.h"
#include "tests/unit/dataplane/port/eal_environment.h"

namespace bulkhead::dataplane {
namespace {

class RingTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(eal_for_tests());
    auto pool = BufferPool::make("small", 255, kSmallBufferBytes);
    ASSERT_TRUE(pool) << pool.error().text();
    pool_ = std::move(*pool);
  }
  rte_mbuf* frame(std::uint16_t bytes) {
    rte_mbuf* buffer = pool_->take();
    char* start = rte_pktmbuf_append(buffer, bytes);
    std::memset(start - kVnetHeaderBytes, 0, bytes + kVnetHeaderBytes);
    return buffer;
  }
  std::unique_ptr<BufferPool> pool_;
};

TEST_F(RingTest, CarriesFramesAndDropsWhatHasNoRoom) {
  auto port = RingPort::make("test", 4);
  ASSERT_TRUE(port);
  auto queue = (*port)->queue();
  Ledger ledger;
  std::array<rte_mbuf*, 6> frames;
  for (auto& one : frames) one = frame(60);
  queue->send(frames, PortId{3}, ledger);
  EXPECT_EQ(ledger.sent_packets(), 4u);
  EXPECT_EQ(ledger.drops()[static_cast<std::size_t>(DropReason::PortFull)], 2u);
  std::array<rte_mbuf*, 8> out;
  ASSERT_EQ((*port)->take(out), 4u);
  ASSERT_EQ((*port)->put(std::span(out).first(4)), 4u);
  EXPECT_EQ(queue->receive(out), 4u);
  for (std::size_t i = 0; i < 4; ++i) pool_->give_back(out[i]);
  EXPECT_EQ(pool_->in_use(), 0u);
}

TEST_F(RingTest, CompletesAPartialChecksum) {
  rte_mbuf* packet = frame(60);
  auto* header = tap_bytes(packet);
  auto* bytes = rte_pktmbuf_mtod(packet, std::uint8_t*);
  header[0] = 1;   // NEEDS_CSUM
  header[6] = 34;  // csum_start
  header[8] = 6;   // csum_offset: UDP
  bytes[34] = 0x12;
  bytes[35] = 0x34;
  EXPECT_EQ(complete_offloads(packet), std::nullopt);
  // The ones' complement sum over the range, checksum included, is all ones.
  EXPECT_EQ(rte_raw_cksum(bytes + 34, 26), 0xffff);
  EXPECT_EQ(header[0], 0);
  pool_->give_back(packet);
}

TEST_F(RingTest, RefusesSegmentationAndWildChecksums) {
  rte_mbuf* packet = frame(60);
  tap_bytes(packet)[1] = 1;  // GSO TCPv4
  EXPECT_EQ(complete_offloads(packet), DropReason::NeedsSegmentation);
  tap_bytes(packet)[1] = 0;
  tap_bytes(packet)[0] = 1;
  tap_bytes(packet)[6] = 59;
  tap_bytes(packet)[8] = 6;
  EXPECT_EQ(complete_offloads(packet), DropReason::BadOffload);
  pool_->give_back(packet);
}

TEST(Ledger, RestartsAPortsSumsWithItsGeneration) {
  Ledger ledger;
  std::vector<api::PortStats> rows(api::kMaxPorts);
  ledger.restart(PortId{5}, 1);
  ledger.received(PortId{5}, 100);
  ledger.dropped(PortId{5}, DropReason::NoTable);
  ledger.store(rows);
  EXPECT_EQ(rows[5].received_bytes.load(), 100u);
  EXPECT_EQ(rows[5].dropped.load(), 1u);
  ledger.restart(PortId{5}, 2);
  ledger.store(rows);
  EXPECT_EQ(rows[5].generation.load(), 2u);
  EXPECT_EQ(rows[5].received_bytes.load(), 0u);
  EXPECT_EQ(ledger.drops()[static_cast<std::size_t>(DropReason::NoTable)], 1u);
}

}  // namespace
}  // namespace bulkhead::dataplane
