// SPDX-License-Identifier: Apache-2.0
// What a packet may do to a flow depends on what becomes of the packet.
#include "dataplane/worker/pipeline.h"

#include <utility>

#include "tests/unit/dataplane/worker/pipeline_case.h"

namespace bulkhead::dataplane {
namespace {

using namespace testing;

class PipelineOrder : public PipelineCase {};
INSTANTIATE_TEST_SUITE_P(BothFamilies, PipelineOrder, both_families(), name_of_family);

TEST_P(PipelineOrder, OpensNoFlowForAPacketThatGoesNoFurther) {
  EXPECT_THAT(node.from_web(to_db().udp(4000, 53).hop_limit(1)),
              dropped_as(DropReason::TtlExceeded));
  node.attach(Node::kDb, api::PortRole::Pod, 2, {ip("10.0.0.2"), ip("fd00::2")}, 1300);
  EXPECT_THAT(node.from_web(to_db().udp(4000, 53).payload(1300)), dropped_as(DropReason::TooBig));
  EXPECT_EQ(node.flows->size(), 0u);
  EXPECT_THAT(node.from_web(to_db().udp(4000, 53)), forwarded_to(Node::kDb));
  EXPECT_THAT(node.from_web(to_db().udp(4000, 53).payload(1300)), dropped_as(DropReason::TooBig));
  EXPECT_EQ(node.flows->size(), 1u);
}

TEST_P(PipelineOrder, CountsEveryPacketOfALongConversation) {
  constexpr std::uint64_t kPackets = 1000;  // more than the first line of the entry can count
  for (std::uint64_t n = 0; n < kPackets; ++n) {
    EXPECT_THAT(node.from_web(to_db().udp(4000, 53).payload(10)), forwarded_to(Node::kDb));
  }
  EXPECT_THAT(node.from_db(to_web().udp(53, 4000).payload(10)), forwarded_to(Node::kWeb));
  node.idle_ms(400'000);
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  for (const api::Event& event : node.events()) {
    packets += event.packets[0];
    bytes += event.bytes[0];
  }
  EXPECT_EQ(packets, kPackets);
  EXPECT_EQ(bytes, kPackets * (is_v4() ? 38 : 58));
}

TEST_P(PipelineOrder, LeavesTheStateOfAStaleConnectionToPacketsThatPass) {
  connect();
  node.publish(true);
  EXPECT_THAT(node.from_web(to_db().tcp(4000, 5432, kTcpAck, 99'000'000, 501)),
              dropped_as(DropReason::TcpOutOfWindow));
  EXPECT_THAT(node.from_web(to_db().tcp(4000, 5432, kTcpAck, 101, 501).payload(10)),
              forwarded_to(Node::kDb));
  node.publish(false);
  EXPECT_THAT(node.from_web(to_db().tcp(4000, 5432, kTcpRst | kTcpAck, 111, 501)),
              dropped_as(DropReason::EstablishedCut));
  EXPECT_EQ(node.flows->size(), 0u);
}

TEST_P(PipelineOrder, HearsErrorsOnlyFromWhereThePacketWasGoing) {
  EXPECT_THAT(node.from_web(to_db().udp(4000, 53)), forwarded_to(Node::kDb));
  const auto about = [&](const IpAddress& from) {
    return PacketBuilder(from, web())
        .icmp(is_v4() ? kUnreachable : kUnreachable6, is_v4() ? 3 : 4)
        .quote(to_db().udp(4000, 53).l3());
  };
  EXPECT_THAT(node.send(Node::kOutside, about(world()).frame()),
              dropped_as(DropReason::IcmpUnrelated));
  EXPECT_THAT(node.from_db(about(db())), forwarded_to(Node::kWeb));
}

// After a restart ports come one by one, and packets with them.
TEST_P(PipelineOrder, KeepsAStaleFlowWhoseOtherPortIsNotThereYet) {
  connect();
  node.publish(true);
  const auto db_endpoint = std::exchange(node.snapshot.endpoints[Node::kDb.value], nullptr);
  EXPECT_THAT(node.from_web(to_db().tcp(4000, 5432, kTcpAck, 101, 501)),
              dropped_as(DropReason::UnknownEndpoint));
  EXPECT_EQ(node.flows->size(), 1u);
  node.snapshot.endpoints[Node::kDb.value] = db_endpoint;
  EXPECT_THAT(node.from_web(to_db().tcp(4000, 5432, kTcpAck, 101, 501)), forwarded_to(Node::kDb));

  node.publish(false);
  node.snapshot.endpoints[Node::kDb.value] = nullptr;
  EXPECT_THAT(node.from_web(to_db().tcp(4000, 5432, kTcpAck, 101, 501)),
              dropped_as(DropReason::UnknownEndpoint));
  node.snapshot.endpoints[Node::kDb.value] = db_endpoint;
  EXPECT_THAT(node.from_web(to_db().tcp(4000, 5432, kTcpAck, 101, 501)),
              dropped_as(DropReason::EstablishedCut));
}

}  // namespace
}  // namespace bulkhead::dataplane
