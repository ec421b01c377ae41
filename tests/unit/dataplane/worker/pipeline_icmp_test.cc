// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker/pipeline.h"
#include "tests/unit/dataplane/worker/pipeline_case.h"

namespace bulkhead::dataplane {
namespace {

using namespace testing;

class PipelineIcmp : public PipelineCase {};
INSTANTIATE_TEST_SUITE_P(BothFamilies, PipelineIcmp, both_families(), name_of_family);

TEST_P(PipelineIcmp, PassesPingsAndTheirAnswersOnly) {
  EXPECT_THAT(node.from_db(to_web().pong(7)), dropped_as(DropReason::IcmpUnrelated));
  EXPECT_THAT(node.from_web(to_db().ping(7)), forwarded_to(Node::kDb));
  EXPECT_THAT(node.from_db(to_web().pong(7)), forwarded_to(Node::kWeb));
  EXPECT_THAT(node.from_db(to_web().pong(8)), dropped_as(DropReason::IcmpUnrelated));
  // A request against the flow, with its identifier, is judged as what it is.
  EXPECT_THAT(node.from_db(to_web().ping(7)), dropped_as(DropReason::DeniedIngress));
}

TEST_P(PipelineIcmp, PassesErrorsOnlyAboutItsFlows) {
  const std::uint8_t unreachable = is_v4() ? kUnreachable : kUnreachable6;
  const Bytes question = to_db().udp(4000, 53).payload(8).l3();
  const auto error = to_web().icmp(unreachable, 3).quote(question);
  EXPECT_THAT(node.from_db(error), dropped_as(DropReason::IcmpUnrelated));
  EXPECT_THAT(node.from_web(to_db().udp(4000, 53).payload(8)), forwarded_to(Node::kDb));
  EXPECT_THAT(node.from_db(error), forwarded_to(Node::kWeb));
  // About a packet to somebody else, and about another port.
  const Bytes other = PacketBuilder(web(), world()).udp(4000, 53).l3();
  EXPECT_THAT(node.from_db(to_web().icmp(unreachable, 3).quote(other)),
              dropped_as(DropReason::IcmpUnrelated));
  const Bytes port = to_db().udp(4001, 53).l3();
  EXPECT_THAT(node.from_db(to_web().icmp(unreachable, 3).quote(port)),
              dropped_as(DropReason::IcmpUnrelated));
  // To somebody who did not send the packet it quotes.
  EXPECT_THAT(node.from_db(PacketBuilder(db(), world()).icmp(unreachable, 3).quote(question)),
              dropped_as(DropReason::IcmpUnrelated));
}

TEST_P(PipelineIcmp, RefusesErrorsFromPodAddressesThatNobodyOwns) {
  EXPECT_THAT(node.from_web(PacketBuilder(web(), world()).udp(4000, 53)),
              forwarded_to(Node::kOutside));
  const Bytes question = PacketBuilder(web(), world()).udp(4000, 53).l3();
  const auto error_from = [&](const char* v4, const char* v6) {
    return PacketBuilder(ip(is_v4() ? v4 : v6), web())
        .icmp(is_v4() ? kUnreachable : kUnreachable6, 1)
        .quote(question);
  };
  // Any router on the way may answer.
  EXPECT_THAT(node.send(Node::kOutside, error_from("192.0.2.1", "2001:db8:9::1").frame()),
              forwarded_to(Node::kWeb));
  EXPECT_THAT(node.send(Node::kOutside, error_from("10.51.100.7", "fd00::5107").frame()),
              dropped_as(DropReason::UnknownPeer));
  EXPECT_THAT(node.send(Node::kOutside, error_from("10.0.0.2", "fd00::2").frame()),
              dropped_as(DropReason::SpoofedIp));
}

TEST_P(PipelineIcmp, ChecksTheWindowOfErrorsAboutTcp) {
  connect();
  const std::uint8_t unreachable = is_v4() ? kUnreachable : kUnreachable6;
  const auto about = [&](std::uint32_t sequence) {
    return to_web()
        .icmp(unreachable, 1)
        .quote(to_db().tcp(4000, 5432, kTcpAck, sequence, 501).l3());
  };
  EXPECT_THAT(node.from_db(about(101)), forwarded_to(Node::kWeb));
  EXPECT_THAT(node.from_db(about(0x40000000)), dropped_as(DropReason::IcmpUnrelated));
}

TEST_P(PipelineIcmp, AnswersPingsToTheGateway) {
  EXPECT_EQ(node.from_web(PacketBuilder(web(), gateway()).ping(9).payload(32)).fate, Fate::Consume);
  const auto answers = node.generated();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].port, Node::kWeb);
  const Bytes frame = bytes_of(answers[0].buffer);
  const Bytes expected = PacketBuilder(gateway(), web())
                             .pong(9)
                             .payload(32)
                             .macs(Node::kGatewayMac, {2, 0, 0, 0, 0, 1})
                             .frame();
  EXPECT_EQ(frame, expected);
  EXPECT_THAT(node.from_web(PacketBuilder(web(), gateway()).udp(1, 2)),
              dropped_as(DropReason::BadDestination));
}

TEST_P(PipelineIcmp, TellsTheSenderWhenTheHopLimitEnds) {
  EXPECT_THAT(node.from_web(to_db().udp(4000, 53).hop_limit(1)),
              dropped_as(DropReason::TtlExceeded));
  const auto errors = node.generated();
  ASSERT_EQ(errors.size(), 1u);
  const Bytes frame = bytes_of(errors[0].buffer);
  const std::size_t l4 = kEthernetBytes + (is_v4() ? kIpv4Bytes : kIpv6Bytes);
  EXPECT_EQ(frame[l4], is_v4() ? kTimeExceeded : kTimeExceeded6);
  EXPECT_THAT(node.from_web(to_db().udp(4000, 53).hop_limit(2)), forwarded_to(Node::kDb));
}

TEST_P(PipelineIcmp, TellsTheSenderTheMtuOfTheWayOut) {
  node.attach(Node::kDb, api::PortRole::Pod, 2, {ip("10.0.0.2"), ip("fd00::2")}, 1300);
  EXPECT_THAT(node.from_web(to_db().udp(4000, 53).payload(1300)), dropped_as(DropReason::TooBig));
  const auto errors = node.generated();
  ASSERT_EQ(errors.size(), 1u);
  const Bytes frame = bytes_of(errors[0].buffer);
  const std::size_t l4 = kEthernetBytes + (is_v4() ? kIpv4Bytes : kIpv6Bytes);
  EXPECT_EQ(frame[l4], is_v4() ? kUnreachable : kPacketTooBig6);
  EXPECT_EQ(load32(&frame[l4 + 4]), 1300u);
  EXPECT_THAT(node.from_web(to_db().udp(4000, 53).payload(1200)), forwarded_to(Node::kDb));
}

TEST_P(PipelineIcmp, ComparesSegmentsNotFramesWithTheMtu) {
  connect();
  const std::size_t l4 = kEthernetBytes + (is_v4() ? kIpv4Bytes : kIpv6Bytes);
  VnetHeader gso{};
  gso.flags = kVnetNeedsChecksum;
  gso.gso_type = is_v4() ? kVnetGsoTcp4 : kVnetGsoTcp6;
  gso.gso_size = 1400;
  gso.checksum_start = static_cast<std::uint16_t>(l4);
  gso.checksum_offset = 16;
  const auto bulk = to_db().tcp(4000, 5432, kTcpAck, 101, 501).payload(14000);
  EXPECT_THAT(node.from_web(bulk, gso), forwarded_to(Node::kDb));
  node.attach(Node::kDb, api::PortRole::Pod, 2, {ip("10.0.0.2"), ip("fd00::2")}, 1300);
  EXPECT_THAT(node.from_web(bulk, gso), dropped_as(DropReason::TooBig));
  node.attach(Node::kWeb, api::PortRole::Pod, 1, {ip("10.0.0.1"), ip("fd00::1")}, 1300);
  EXPECT_THAT(node.from_web(bulk, gso), dropped_as(DropReason::BadOffload));
}

}  // namespace
}  // namespace bulkhead::dataplane
