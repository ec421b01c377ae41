// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker/pipeline.h"
#include "tests/unit/dataplane/worker/pipeline_case.h"

namespace bulkhead::dataplane {
namespace {

using namespace testing;

class PipelineTest : public PipelineCase {};
INSTANTIATE_TEST_SUITE_P(BothFamilies, PipelineTest, both_families(), name_of_family);

TEST_P(PipelineTest, ForwardsWhatPolicyAllowsAndItsReplies) {
  EXPECT_THAT(node.from_web(to_db().udp(4000, 53).payload(10)), forwarded_to(Node::kDb));
  EXPECT_THAT(node.from_db(to_web().udp(53, 4000).payload(10)), forwarded_to(Node::kWeb));
  EXPECT_THAT(node.from_web(to_db().sctp(4000, 99)), forwarded_to(Node::kDb));
  EXPECT_THAT(node.from_db(to_web().sctp(99, 4000)), forwarded_to(Node::kWeb));
  connect();
  EXPECT_EQ(node.flows->size(), 3u);
}

TEST_P(PipelineTest, DropsWhatPolicyDeniesAndWhatNobodyAskedFor) {
  EXPECT_THAT(node.from_web(to_db().udp(4000, 54)), dropped_as(DropReason::DeniedIngress));
  EXPECT_THAT(node.from_web(to_db().tcp(4000, 5433, kTcpSyn)),
              dropped_as(DropReason::DeniedIngress));
  EXPECT_THAT(node.from_web(to_db().sctp(4000, 98)), dropped_as(DropReason::DeniedIngress));
  EXPECT_THAT(node.from_db(to_web().udp(53, 4000)), dropped_as(DropReason::DeniedIngress));
  EXPECT_EQ(node.flows->size(), 0u);
  EXPECT_EQ(node.decisions(Node::kDenySlot), 4u);
}

TEST_P(PipelineTest, RewritesMacsAndHopLimit) {
  const auto outcome = node.from_web(to_db().udp(4000, 53));
  const Bytes frame = bytes_of(outcome.mbuf);
  EXPECT_EQ(load<MacAddress>(&frame[0]), (MacAddress{2, 0, 0, 0, 0, 2}));
  EXPECT_EQ(load<MacAddress>(&frame[6]), Node::kGatewayMac);
  EXPECT_EQ(frame[kEthernetBytes + (is_v4() ? 8 : 7)], 63);
  if (is_v4()) {
    EXPECT_EQ(checksum({&frame[kEthernetBytes], kIpv4Bytes}), 0);
  }
}

TEST_P(PipelineTest, CountsDecisionsOncePerConnection) {
  connect();
  EXPECT_EQ(node.decisions(Node::kEgressSlot), 1u);
  EXPECT_EQ(node.decisions(Node::kDbAllowSlot), 1u);
}

TEST_P(PipelineTest, ClosesEverythingWithoutTable) {
  node.snapshot.table = nullptr;
  EXPECT_THAT(node.from_web(to_db().udp(4000, 53)), dropped_as(DropReason::NoTable));
}

TEST_P(PipelineTest, DropsUnknownPodAddresses) {
  EXPECT_THAT(node.from_web(PacketBuilder(web(), nobody()).udp(4000, 53)),
              dropped_as(DropReason::UnknownPeer));
  EXPECT_THAT(node.send(Node::kOutside, PacketBuilder(nobody(), web()).udp(4000, 53).frame()),
              dropped_as(DropReason::UnknownPeer));
  EXPECT_THAT(node.send(Node::kOutside, PacketBuilder(world(), web()).udp(4000, 53).frame()),
              forwarded_to(Node::kWeb));
}

TEST_P(PipelineTest, SendsOutsideAndToTheNodeByTheirPorts) {
  EXPECT_THAT(node.from_web(PacketBuilder(web(), world()).udp(4000, 53)),
              forwarded_to(Node::kOutside));
  EXPECT_THAT(node.from_web(PacketBuilder(web(), host()).udp(4000, 53)), forwarded_to(Node::kNode));
  EXPECT_THAT(node.send(Node::kOutside, PacketBuilder(world(), web()).udp(53, 4000).frame()),
              forwarded_to(Node::kWeb));
  EXPECT_THAT(node.send(Node::kNode, PacketBuilder(host(), web()).udp(53, 4000).frame()),
              forwarded_to(Node::kWeb));
  EXPECT_THAT(node.send(Node::kOutside, PacketBuilder(world(), host()).udp(5, 6).frame()),
              dropped_as(DropReason::NoRoute));
}

TEST_P(PipelineTest, ExemptsOnlyTheNodesOwnPortAsOwnNode) {
  // web hears the node by slot 8 from either port; db hears neither. What differs is the identity.
  EXPECT_THAT(node.send(Node::kNode, PacketBuilder(host(), web()).udp(1, 2).frame()),
              forwarded_to(Node::kWeb));
  EXPECT_EQ(node.events().back().source_identity, kOwnNodeIdentity.value);
  EXPECT_THAT(node.send(Node::kOutside, PacketBuilder(host(), web()).udp(3, 4).frame()),
              forwarded_to(Node::kWeb));
  EXPECT_EQ(node.events().back().source_identity, kWorldIdentity.value);
}

TEST_P(PipelineTest, DropsSpoofedSources) {
  EXPECT_THAT(node.from_web(PacketBuilder(db(), web()).udp(4000, 53)),
              dropped_as(DropReason::SpoofedIp));
  EXPECT_THAT(node.send(Node::kWeb, to_db().udp(4000, 53).macs({2, 0, 0, 0, 0, 9}, {}).frame()),
              dropped_as(DropReason::SpoofedMac));
  EXPECT_THAT(node.send(Node::kOutside, PacketBuilder(db(), web()).udp(4000, 53).frame()),
              dropped_as(DropReason::SpoofedIp));
  EXPECT_THAT(node.send(Node::kNode, PacketBuilder(world(), web()).udp(4000, 53).frame()),
              dropped_as(DropReason::SpoofedIp));
  EXPECT_THAT(node.send(PortId{20}, to_db().udp(4000, 53).frame()),
              dropped_as(DropReason::UnknownPort));
}

TEST_P(PipelineTest, KeepsOutsidePacketsOffTheNodesFlows) {
  const auto packet = PacketBuilder(host(), web()).udp(7, 8).frame();
  EXPECT_THAT(node.send(Node::kNode, packet), forwarded_to(Node::kWeb));
  EXPECT_THAT(node.send(Node::kOutside, packet), dropped_as(DropReason::SpoofedIp));
  EXPECT_THAT(node.from_web(PacketBuilder(web(), host()).udp(8, 7)), forwarded_to(Node::kNode));
}

TEST_P(PipelineTest, AnswersMasqueradedClientsWhereTheyCameFrom) {
  EXPECT_THAT(node.send(Node::kOutside, PacketBuilder(host(), web()).udp(7, 8).frame()),
              forwarded_to(Node::kWeb));
  EXPECT_THAT(node.from_web(PacketBuilder(web(), host()).udp(8, 7)), forwarded_to(Node::kOutside));
}

TEST_P(PipelineTest, CutsConnectionsWhenPolicyChanges) {
  connect();
  node.events();
  node.publish(false);
  EXPECT_THAT(node.from_db(to_web().tcp(5432, 4000, kTcpAck, 501, 101).payload(5)),
              dropped_as(DropReason::EstablishedCut));
  const auto events = node.events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, api::EventKind::FlowCut);
  EXPECT_EQ(events[0].key.destination_port, Be16(5432));  // the originator's tuple
  EXPECT_EQ(events[0].ingress_slot, Node::kDenySlot.value);
  EXPECT_EQ(node.flows->size(), 0u);
  EXPECT_THAT(node.from_web(to_db().tcp(4000, 5432, kTcpAck, 101, 501)),
              dropped_as(DropReason::TcpNoFlow));
}

TEST_P(PipelineTest, KeepsConnectionsThatPolicyStillAllows) {
  connect();
  node.publish(true);
  EXPECT_THAT(node.from_db(to_web().tcp(5432, 4000, kTcpAck, 501, 101).payload(5)),
              forwarded_to(Node::kWeb));
  EXPECT_EQ(node.counters.epoch_rechecks, 1u);
  EXPECT_EQ(node.decisions(Node::kDbAllowSlot), 2u);
}

TEST_P(PipelineTest, KeepsDecisionsWhenToldTo) {
  connect();
  node.snapshot.reevaluate_established = false;
  node.publish(false);
  EXPECT_THAT(node.from_db(to_web().tcp(5432, 4000, kTcpAck, 501, 101)), forwarded_to(Node::kWeb));
  // But never for somebody else: the address changed hands.
  node.place(db(), IdentityId{99}, Node::kDb);
  EXPECT_THAT(node.from_web(to_db().tcp(4000, 5432, kTcpAck, 101, 501)),
              dropped_as(DropReason::EstablishedCut));
}

TEST_P(PipelineTest, ResetsCutConnectionsWhenToldTo) {
  connect();
  node.snapshot.reset_cut = true;
  node.publish(false);
  EXPECT_THAT(node.from_web(to_db().tcp(4000, 5432, kTcpAck, 101, 501)),
              dropped_as(DropReason::EstablishedCut));
  const auto resets = node.generated();
  ASSERT_EQ(resets.size(), 2u);
  EXPECT_EQ(resets[0].port, Node::kWeb);
  EXPECT_EQ(resets[1].port, Node::kDb);
  const Bytes frame = bytes_of(resets[0].buffer);
  const std::size_t l4 = kEthernetBytes + (is_v4() ? kIpv4Bytes : kIpv6Bytes);
  EXPECT_EQ(load16(&frame[l4]), 5432);
  EXPECT_EQ(load32(&frame[l4 + 4]), 501u);
  EXPECT_EQ(frame[l4 + 13], kTcpRst | kTcpAck);
}

TEST_P(PipelineTest, CutsFlowsOfARemovedOrReusedAddress) {
  connect();
  node.forget(db());
  EXPECT_THAT(node.from_web(to_db().tcp(4000, 5432, kTcpAck, 101, 501)),
              dropped_as(DropReason::EstablishedCut));
}

TEST_P(PipelineTest, AgesFlowsAndReportsThem) {
  EXPECT_THAT(node.from_web(to_db().udp(4000, 53)), forwarded_to(Node::kDb));
  node.idle_ms(25'000);
  EXPECT_EQ(node.flows->size(), 1u);
  node.events();
  node.idle_ms(15'000);
  EXPECT_EQ(node.flows->size(), 0u);
  const auto events = node.events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, api::EventKind::FlowClosed);
}

TEST_P(PipelineTest, ReportsEachPacketInOneEvent) {
  for (int n = 0; n < 5; ++n) {
    EXPECT_THAT(node.from_web(to_db().udp(4000, 53).payload(10)), forwarded_to(Node::kDb));
    EXPECT_THAT(node.from_db(to_web().udp(53, 4000)), forwarded_to(Node::kWeb));
    node.idle_ms(11'000);
  }
  node.idle_ms(400'000);
  std::uint64_t packets[2] = {};
  for (const api::Event& event : node.events()) {
    packets[0] += event.packets[0];
    packets[1] += event.packets[1];
  }
  EXPECT_EQ(packets[0], 5u);
  EXPECT_EQ(packets[1], 5u);
}

TEST_P(PipelineTest, KeepsTheAccountWhileTheRingIsFull) {
  node.ring->head = api::kEventRingSize;  // as another run left it; nobody reads
  EXPECT_THAT(node.from_web(to_db().udp(4000, 53)), forwarded_to(Node::kDb));
  Node fresh;
  fresh.ring->tail = fresh.ring->head - api::kEventRingSize;
  EXPECT_THAT(fresh.from_web(to_db().udp(4000, 53)), forwarded_to(Node::kDb));
  EXPECT_EQ(fresh.counters.events_lost, 1u);
  EXPECT_EQ((*fresh.flows)[0].packets(0), 1u);
  fresh.ring->tail = fresh.ring->head.load();
  fresh.idle_ms(60'000);
  EXPECT_EQ(fresh.events().back().packets[0], 1u);
}

TEST_P(PipelineTest, SuppressesRepeatedRefusalsAndSaysHowMany) {
  for (int n = 0; n < 5; ++n) {
    EXPECT_THAT(node.from_web(to_db().udp(4000, 54)), dropped_as(DropReason::DeniedIngress));
  }
  node.pass_ms(1500);
  EXPECT_THAT(node.from_web(to_db().udp(4000, 54)), dropped_as(DropReason::DeniedIngress));
  const auto events = node.events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].suppressed, 0u);
  EXPECT_EQ(events[1].suppressed, 4u);
  EXPECT_EQ(events[1].kind, api::EventKind::Denied);
  EXPECT_EQ(events[1].ingress_slot, Node::kDenySlot.value);
}

TEST_P(PipelineTest, WakesASleepingReaderOnce) {
  node.ring->reader_sleeps = 1;
  EXPECT_THAT(node.from_web(to_db().udp(4000, 53)), forwarded_to(Node::kDb));
  EXPECT_TRUE(node.pipeline->take_wakeup());
  EXPECT_FALSE(node.pipeline->take_wakeup());
  EXPECT_EQ(node.ring->reader_sleeps.load(), 0u);
}

TEST_P(PipelineTest, OpensOneFlowForABurstOfTheSameTuple) {
  std::vector<rte_mbuf*> burst;
  for (int n = 0; n < 10; ++n) {
    burst.push_back(node.buffers.with(
        to_db().udp(4000, 53).macs({2, 0, 0, 0, 0, 1}, Node::kGatewayMac).frame()));
  }
  for (const auto& outcome : node.send(Node::kWeb, burst)) {
    EXPECT_THAT(outcome, forwarded_to(Node::kDb));
  }
  EXPECT_EQ(node.flows->size(), 1u);
  EXPECT_EQ(node.flows->find((*node.flows)[0].key).slot, 0u);
}

TEST_P(PipelineTest, ReopensAFinishedConnectionByANewDecision) {
  connect();
  EXPECT_THAT(node.from_web(to_db().tcp(4000, 5432, kTcpRst | kTcpAck, 101, 501)),
              forwarded_to(Node::kDb));
  connect();
  EXPECT_EQ(node.decisions(Node::kDbAllowSlot), 2u);
  EXPECT_THAT(node.from_web(to_db().tcp(4000, 5432, kTcpRst | kTcpAck, 101, 501)),
              forwarded_to(Node::kDb));
  // The port pair is free for the other side, too, but it needs its own permission.
  EXPECT_THAT(node.from_db(to_web().tcp(5432, 4000, kTcpSyn, 900)),
              dropped_as(DropReason::DeniedIngress));
}

TEST_P(PipelineTest, MakesNoFlowOfASynAck) {
  EXPECT_THAT(node.from_web(to_db().tcp(4000, 5432, kTcpSyn | kTcpAck)),
              dropped_as(DropReason::TcpNoFlow));
  EXPECT_THAT(node.from_web(to_db().tcp(4000, 5432, kTcpAck, 1, 1)),
              dropped_as(DropReason::TcpNoFlow));
}

TEST_P(PipelineTest, PicksUpConnectionsShortlyAfterAColdStartOnly) {
  Node::Options options;
  options.in_grace = true;
  Node early(options);
  EXPECT_THAT(early.from_web(to_db().tcp(4000, 5432, kTcpAck, 1000, 2000)),
              forwarded_to(Node::kDb));
  EXPECT_THAT(early.from_db(to_web().tcp(5432, 4000, kTcpAck, 2000, 1200).payload(100)),
              forwarded_to(Node::kWeb));
  EXPECT_THAT(early.from_web(to_db().tcp(4001, 5433, kTcpAck, 1000, 2000)),
              dropped_as(DropReason::DeniedIngress));
  EXPECT_THAT(early.from_web(to_db().tcp(4002, 5432, kTcpRst, 1000)),
              dropped_as(DropReason::TcpNoFlow));
  early.pass_ms(31'000);
  EXPECT_THAT(early.from_web(to_db().tcp(4003, 5432, kTcpAck, 1000, 2000)),
              dropped_as(DropReason::TcpNoFlow));
}

TEST_P(PipelineTest, HandsOverWhatAnotherWorkerOwnsOnceOnly) {
  Node::Options options;
  options.workers = 2;
  std::array<std::unique_ptr<Node>, 2> workers;
  for (std::uint8_t n = 0; n < 2; ++n) {
    options.worker = n;
    workers[n] = std::make_unique<Node>(options);
  }
  const auto first = workers[0]->from_web(to_db().udp(4000, 53));
  const auto second = workers[1]->from_web(to_db().udp(4000, 53));
  EXPECT_NE(first.fate == Fate::HandOver, second.fate == Fate::HandOver);
  const auto& handed = first.fate == Fate::HandOver ? first : second;
  EXPECT_EQ(handed.owner, first.fate == Fate::HandOver ? 1 : 0);
  // Replies meet the flow at the same worker.
  Node& owner = *workers[handed.owner];
  EXPECT_THAT(owner.from_db(to_web().udp(53, 4000)), forwarded_to(Node::kWeb));
  auto batch = std::make_unique<Batch>();
  batch->size = 2;
  for (std::size_t i = 0; i < 2; ++i) {
    batch->mbuf[i] = owner.buffers.with(
        to_db().udp(4001, 53).macs({2, 0, 0, 0, 0, 1}, Node::kGatewayMac).frame());
    batch->in_port[i] = Node::kWeb;
    batch->handed_over[i] = true;
  }
  batch->generation[0] = owner.snapshot.endpoint_at(Node::kWeb)->generation;
  batch->generation[1] = batch->generation[0] - 1;
  owner.pipeline->run(*batch, owner.snapshot, owner.snapshot.addresses->epoch(), owner.now());
  EXPECT_EQ(batch->fate[0], Fate::Forward);
  EXPECT_EQ(batch->fate[1], Fate::Drop);
  EXPECT_EQ(batch->reason[1], DropReason::StaleEndpoint);
}

TEST_P(PipelineTest, BoundsTheFlowsOfOneEndpoint) {
  Node::Options options;
  options.limits.flows_per_endpoint = 3;
  options.limits.unassured_per_endpoint = 2;
  Node bounded(options);
  EXPECT_THAT(bounded.from_web(to_db().udp(1, 53)), forwarded_to(Node::kDb));
  EXPECT_THAT(bounded.from_web(to_db().udp(2, 53)), forwarded_to(Node::kDb));
  EXPECT_THAT(bounded.from_web(to_db().udp(3, 53)), dropped_as(DropReason::UnassuredLimit));
  EXPECT_THAT(bounded.from_db(to_web().udp(53, 1)), forwarded_to(Node::kWeb));
  EXPECT_THAT(bounded.from_web(to_db().udp(3, 53)), forwarded_to(Node::kDb));
  EXPECT_THAT(bounded.from_web(to_db().udp(4, 53)), dropped_as(DropReason::FlowLimit));
}

TEST_P(PipelineTest, RecyclesUnansweredFlowsButNeverAssuredOnes) {
  Node::Options options;
  options.max_flows = 4;
  options.limits = {4, 100, 100, 1000};
  Node small(options);
  for (std::uint16_t port = 1; port <= 3; ++port) {
    EXPECT_THAT(small.from_web(to_db().udp(port, 53)), forwarded_to(Node::kDb));
    EXPECT_THAT(small.from_db(to_web().udp(53, port)), forwarded_to(Node::kWeb));
  }
  EXPECT_THAT(small.from_web(to_db().udp(4, 53)), forwarded_to(Node::kDb));
  // Too young to be recycled.
  EXPECT_THAT(small.from_web(to_db().udp(5, 53)), dropped_as(DropReason::FlowTableFull));
  small.pass_ms(1100);
  EXPECT_THAT(small.from_web(to_db().udp(5, 53)), forwarded_to(Node::kDb));
  EXPECT_THAT(small.from_db(to_web().udp(53, 5)), forwarded_to(Node::kWeb));
  small.pass_ms(1100);
  EXPECT_THAT(small.from_web(to_db().udp(6, 53)), dropped_as(DropReason::FlowTableFull));
  for (const std::uint16_t port : std::array<std::uint16_t, 4>{1, 2, 3, 5}) {
    EXPECT_THAT(small.from_db(to_web().udp(53, port)), forwarded_to(Node::kWeb)) << port;
  }
}

}  // namespace
}  // namespace bulkhead::dataplane
