// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker/loop.h"

#include <gtest/gtest.h>

#include "tests/unit/dataplane/worker/worker_node.h"

namespace bulkhead::dataplane::testing {
namespace {

using Node = PipelineNode;

class Hosts {
 public:
  explicit Hosts(Family family) : is_v4_(family == Family::V4) {}
  [[nodiscard]] PacketBuilder from_web() const {
    PacketBuilder packet(is_v4_ ? "10.0.0.1" : "fd00::1", is_v4_ ? "10.0.0.2" : "fd00::2");
    packet.macs({2, 0, 0, 0, 0, 1}, Node::kGatewayMac);
    return packet;
  }
  [[nodiscard]] PacketBuilder from_db() const {
    PacketBuilder packet(is_v4_ ? "10.0.0.2" : "fd00::2", is_v4_ ? "10.0.0.1" : "fd00::1");
    packet.macs({2, 0, 0, 0, 0, 2}, Node::kGatewayMac);
    return packet;
  }
  [[nodiscard]] bool is_v4() const { return is_v4_; }

 private:
  bool is_v4_;
};

class Workers : public ::testing::TestWithParam<std::tuple<std::size_t, Family>> {
 protected:
  [[nodiscard]] std::size_t workers() const { return std::get<0>(GetParam()); }
  [[nodiscard]] Hosts hosts() const { return Hosts(std::get<1>(GetParam())); }
};

// Question, answer, fragments and errors come in at different workers and meet at one.
TEST_P(Workers, WhatBelongsTogetherMeets) {
  WorkerNode node(workers());
  node.start();
  const Hosts host = hosts();
  constexpr std::size_t kDatagrams = 30;  // a port may have 32 under way
  for (std::size_t n = 0; n < kDatagrams; ++n) {
    const std::size_t here = n % workers();
    const std::size_t there = (n + 1) % workers();
    const auto port = static_cast<std::uint16_t>(2000 + n);
    const auto id = static_cast<std::uint32_t>(100 + n);
    const auto question = host.from_web().udp(port, 53).payload(16);
    node.put(Node::kWeb, here, question.frame());
    ASSERT_TRUE(node.take(Node::kDb)) << n;
    node.put(Node::kDb, there, host.from_db().udp(53, port).frame());
    ASSERT_TRUE(node.take(Node::kWeb)) << n;
    node.put(Node::kDb, here,
             host.from_db()
                 .icmp(host.is_v4() ? kUnreachable : kUnreachable6, host.is_v4() ? 3 : 4)
                 .quote(question.l3())
                 .frame());
    ASSERT_TRUE(node.take(Node::kWeb)) << n;
    // The later fragment first, elsewhere: it waits for its first.
    auto datagram = host.from_web().udp(port, 53).payload(56);
    node.put(Node::kWeb, there, PacketBuilder(datagram).fragment(id, 32, 32, false).frame());
    node.put(Node::kWeb, here, PacketBuilder(datagram).fragment(id, 0, 32, true).frame());
    ASSERT_TRUE(node.take(Node::kDb)) << n;
    ASSERT_TRUE(node.take(Node::kDb)) << n;
    // The deny twin, at either worker.
    node.put(Node::kWeb, here, host.from_web().udp(port, 54).frame());
  }
  node.stop();
  EXPECT_TRUE(node.is_conserved());
  EXPECT_EQ(node.total(&api::WorkerStats::sent), kDatagrams * 5);
  // A denied frame that still waited in a hand-over ring when its owner stopped is counted by
  // nobody.
  EXPECT_EQ(node.total(&api::WorkerStats::dropped), node.drops(DropReason::DeniedIngress));
  EXPECT_GT(node.drops(DropReason::DeniedIngress), 0u);
  EXPECT_GT(node.total(&api::WorkerStats::handed_over), 0u);
}

// Tables and addresses change under traffic: threads that race show themselves to TSan here.
TEST_P(Workers, PublishingUnderTrafficIsSafe) {
  WorkerNode node(workers());
  node.start();
  const Hosts host = hosts();
  std::atomic<bool> must_stop{false};
  std::thread control([&] {
    bool hears = false;
    while (!must_stop) {
      node.node().publish(hears);
      hears = !hears;
      node.publisher().publish(std::make_unique<Snapshot>(node.node().snapshot));
      node.node().place(ip("10.0.0.9"), Node::kDbIdentity, Node::kDb);
      node.node().forget(ip("10.0.0.9"));
      node.publisher().synchronize();
    }
  });
  constexpr std::size_t kFrames = 4000;
  for (std::size_t n = 0; n < kFrames / 2; ++n) {
    const auto port = static_cast<std::uint16_t>(2000 + n % 50);
    node.put(Node::kWeb, n % workers(), host.from_web().udp(port, 53).frame());
    node.put(Node::kDb, (n + 1) % workers(), host.from_db().udp(53, port).frame());
  }
  while (node.total(&api::WorkerStats::received) < kFrames) std::this_thread::yield();
  must_stop = true;
  control.join();
  node.stop();
  EXPECT_TRUE(node.is_conserved());
  EXPECT_EQ(node.total(&api::WorkerStats::received), kFrames);
}

INSTANTIATE_TEST_SUITE_P(Counts, Workers,
                         ::testing::Combine(::testing::Values(2, 4),
                                            ::testing::Values(Family::V4, Family::V6)),
                         [](const auto& info) {
                           return std::to_string(std::get<0>(info.param)) + "WorkersIPv" +
                                  (std::get<1>(info.param) == Family::V4 ? "4" : "6");
                         });

TEST(WorkerDrops, HandoffFullWhenTheOwnerDoesNotTake) {
  WorkerNode node(2);
  const std::size_t owner = node.owner(Family::V4);
  const std::size_t other = 1 - owner;
  node.start(other);
  const Bytes frame = Hosts(Family::V4).from_web().udp(2000, 53).frame();
  for (std::size_t n = 0; n < HandOff::kRingSize + 100; ++n) node.put(Node::kWeb, other, frame);
  // The owner's own answer, let go last, tells that the other has seen the rest.
  while (node.total(&api::WorkerStats::handed_over) + node.drops(DropReason::HandoffFull) <
         HandOff::kRingSize + 100) {
    std::this_thread::yield();
  }
  node.stop();
  EXPECT_EQ(node.drops(DropReason::HandoffFull), 101u);  // a ring holds one less than its size
  EXPECT_TRUE(node.is_conserved());
}

TEST(WorkerDrops, NothingIsHandoffFullWhenTheOwnerTakes) {
  WorkerNode node(2);
  node.start();
  const std::size_t other = 1 - node.owner(Family::V4);
  const Bytes frame = Hosts(Family::V4).from_web().udp(2000, 53).frame();
  for (std::size_t n = 0; n < HandOff::kRingSize + 100; ++n) {
    node.put(Node::kWeb, other, frame);
    ASSERT_TRUE(node.take(Node::kDb));
  }
  node.stop();
  EXPECT_EQ(node.drops(DropReason::HandoffFull), 0u);
}

// An answer that is due and finds no buffer is generated and dropped, not forgotten.
TEST(WorkerDrops, NoBufferForAnAnswerWhenThePoolIsEmpty) {
  for (const auto& [pod, gateway] :
       {std::pair{"10.0.0.1", "169.254.1.1"}, std::pair{"fd00::1", "fe80::1"}}) {
    SCOPED_TRACE(gateway);
    WorkerNode node(1);
    node.start();
    PacketBuilder packet(pod, gateway);
    packet.macs({2, 0, 0, 0, 0, 1}, Node::kGatewayMac);
    const Bytes ping = packet.ping(7).frame();
    auto buffers = node.hoard();
    ASSERT_GE(buffers.size(), 2u);
    node.put(Node::kWeb, 0, ping, buffers.back());
    buffers.pop_back();
    while (node.drops(DropReason::NoBuffer) == 0) std::this_thread::yield();
    // The twin: that ping's own buffer is free by now.
    node.put(Node::kWeb, 0, ping, buffers.back());
    buffers.pop_back();
    EXPECT_TRUE(node.take(Node::kWeb));
    // Transit needs no buffer of ours and goes on.
    node.put(Node::kWeb, 0, Hosts(Family::V4).from_web().udp(2000, 53).frame(), buffers.back());
    buffers.pop_back();
    EXPECT_TRUE(node.take(Node::kDb));
    for (rte_mbuf* const buffer : buffers) rte_pktmbuf_free(buffer);
    node.stop();
    EXPECT_EQ(node.total(&api::WorkerStats::generated), 2u);
    EXPECT_EQ(node.drops(DropReason::NoBuffer), 1u);
    EXPECT_TRUE(node.is_conserved());
  }
}

TEST(WorkerDrops, PortDownWhereNoDeviceIs) {
  WorkerNode node(1, {Node::kWeb});  // db's endpoint is known, its device is not there
  node.start();
  node.put(Node::kWeb, 0, Hosts(Family::V4).from_web().udp(2000, 53).frame());
  while (node.drops(DropReason::PortDown) == 0) std::this_thread::yield();
  node.stop();
  EXPECT_EQ(node.total(&api::WorkerStats::sent), 0u);
  EXPECT_TRUE(node.is_conserved());
}

TEST(WorkerDrops, PortFullWhenTheReceiverDoesNotRead) {
  constexpr std::size_t kRing = 8;
  WorkerNode node(1, {Node::kWeb, Node::kDb}, kRing);
  node.start();
  const Bytes frame = Hosts(Family::V6).from_web().udp(2000, 53).frame();
  for (std::size_t n = 0; n < kRing + 5; ++n) node.put(Node::kWeb, 0, frame);
  while (node.total(&api::WorkerStats::received) < kRing + 5) std::this_thread::yield();
  node.stop();
  EXPECT_EQ(node.total(&api::WorkerStats::sent), kRing);  // the twin: these had room
  EXPECT_EQ(node.drops(DropReason::PortFull), 5u);
  EXPECT_TRUE(node.is_conserved());
}

TEST(PipelineDrops, UnknownEndpointWhereNobodyIsAttached) {
  Node node;
  EXPECT_THAT(node.from_web(PacketBuilder("10.0.0.1", "10.0.0.2").udp(1, 53)),
              forwarded_to(Node::kDb));
  node.place(ip("10.0.0.2"), Node::kDbIdentity, PortId{20});
  EXPECT_THAT(node.from_web(PacketBuilder("10.0.0.1", "10.0.0.2").udp(2, 53)),
              dropped_as(DropReason::UnknownEndpoint));
}

TEST(PipelineDrops, SamePortWhenAPodSpeaksToItself) {
  Node node;
  EXPECT_THAT(node.from_web(PacketBuilder("fd00::1", "fd00::2").udp(1, 53)),
              forwarded_to(Node::kDb));
  EXPECT_THAT(node.from_web(PacketBuilder("fd00::1", "fd00::1").udp(1, 53)),
              dropped_as(DropReason::SamePort));
}

// A flow's answers from a pod that does not hold its end, though it claims the address.
TEST(PipelineDrops, StaleEndpointWhenTheAddressHasMovedPorts) {
  Node node;
  EXPECT_THAT(node.from_web(PacketBuilder("10.0.0.1", "10.0.0.2").udp(1, 53)),
              forwarded_to(Node::kDb));
  node.attach(PortId{20}, api::PortRole::Pod, 2, {ip("10.0.0.2")});
  const Bytes answer =
      PacketBuilder("10.0.0.2", "10.0.0.1").udp(53, 1).macs({2, 0, 0, 0, 0, 2}, {}).frame();
  EXPECT_THAT(node.send(PortId{20}, answer), dropped_as(DropReason::StaleEndpoint));
  EXPECT_THAT(node.send(Node::kDb, answer), forwarded_to(Node::kWeb));
}

}  // namespace
}  // namespace bulkhead::dataplane::testing
