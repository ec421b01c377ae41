// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/fragments.h"
#include "dataplane/worker/pipeline.h"
#include "tests/unit/dataplane/worker/pipeline_case.h"

namespace bulkhead::dataplane {
namespace {

using namespace testing;
using ::testing::ElementsAre;

class PipelineFragments : public PipelineCase {};
INSTANTIATE_TEST_SUITE_P(BothFamilies, PipelineFragments, both_families(), name_of_family);

TEST_P(PipelineFragments, FollowsTheFirstFragment) {
  const auto whole = to_db().udp(4000, 53).payload(1992);
  EXPECT_THAT(node.from_web(PacketBuilder(whole).fragment(7, 0, 1000, true)),
              forwarded_to(Node::kDb));
  EXPECT_THAT(node.from_web(PacketBuilder(whole).fragment(7, 1000, 1000, false)),
              forwarded_to(Node::kDb));
  EXPECT_EQ(node.flows->size(), 1u);
}

TEST_P(PipelineFragments, ACompleteDatagramGivesItsPlaceBack) {
  const auto whole = to_db().udp(4000, 53).payload(1992);
  const auto denied = to_db().udp(4000, 54).payload(1992);
  for (std::uint16_t id = 1; id <= 100; ++id) {
    EXPECT_THAT(node.from_web(PacketBuilder(whole).fragment(id, 0, 1000, true)),
                forwarded_to(Node::kDb));
    EXPECT_THAT(node.from_web(PacketBuilder(whole).fragment(id, 1000, 1000, false)),
                forwarded_to(Node::kDb));
  }
  for (std::uint16_t id = 101; id <= 200; ++id) {
    EXPECT_EQ(node.from_web(PacketBuilder(whole).fragment(id, 1000, 1000, false)).fate, Fate::Hold);
    EXPECT_THAT(node.from_web(PacketBuilder(whole).fragment(id, 0, 1000, true)),
                forwarded_to(Node::kDb));
    EXPECT_THAT(node.released(), ElementsAre(forwarded_to(Node::kDb)));
  }
  for (std::uint16_t id = 201; id <= 300; ++id) {
    EXPECT_THAT(node.from_web(PacketBuilder(denied).fragment(id, 0, 1000, true)),
                dropped_as(DropReason::DeniedIngress));
    EXPECT_THAT(node.from_web(PacketBuilder(denied).fragment(id, 1000, 1000, false)),
                dropped_as(DropReason::FragmentOrphan));
  }
  EXPECT_EQ(node.counters.held, 0u);
}

TEST_P(PipelineFragments, DropsFragmentsAfterADeniedFirst) {
  const auto whole = to_db().udp(4000, 54).payload(1992);
  EXPECT_THAT(node.from_web(PacketBuilder(whole).fragment(7, 0, 1000, true)),
              dropped_as(DropReason::DeniedIngress));
  EXPECT_THAT(node.from_web(PacketBuilder(whole).fragment(7, 1000, 1000, false)),
              dropped_as(DropReason::FragmentOrphan));
}

TEST_P(PipelineFragments, HoldsLaterFragmentsUntilTheFirstComes) {
  const auto whole = to_db().udp(4000, 53).payload(1992);
  EXPECT_EQ(node.from_web(PacketBuilder(whole).fragment(7, 1000, 1000, false)).fate, Fate::Hold);
  EXPECT_TRUE(node.released().empty());
  EXPECT_THAT(node.from_web(PacketBuilder(whole).fragment(7, 0, 1000, true)),
              forwarded_to(Node::kDb));
  EXPECT_THAT(node.released(), ElementsAre(forwarded_to(Node::kDb)));
  EXPECT_EQ(node.counters.held, 0u);
}

TEST_P(PipelineFragments, GivesUpOnFragmentsWithoutFirst) {
  const auto whole = to_db().udp(4000, 53).payload(1992);
  EXPECT_EQ(node.from_web(PacketBuilder(whole).fragment(7, 1000, 1000, false)).fate, Fate::Hold);
  node.idle_ms(2000);
  EXPECT_THAT(node.released(), ElementsAre(dropped_as(DropReason::FragmentOrphan)));
}

TEST_P(PipelineFragments, HoldsAFewFragmentsOnly) {
  const auto whole = to_db().udp(4000, 53).payload(3000);
  for (std::size_t n = 1; n <= 4; ++n) {
    EXPECT_EQ(node.from_web(PacketBuilder(whole).fragment(7, n * 400, 400, true)).fate, Fate::Hold);
  }
  EXPECT_THAT(node.from_web(PacketBuilder(whole).fragment(7, 2000, 400, true)),
              dropped_as(DropReason::FragmentLimit));
  node.idle_ms(2000);
  EXPECT_EQ(node.released().size(), 4u);
}

// Its receiver waits for the one that found no room: another first would overlap this one there.
TEST_P(PipelineFragments, ADatagramThatLostAFragmentHereIsNotTakenForComplete) {
  const auto whole = to_db().udp(4000, 53).payload(1992);
  constexpr std::size_t kBytes = 200;
  for (std::size_t part = 1; part <= FragmentCache::kHeldPerDatagram; ++part) {
    const auto later = PacketBuilder(whole).fragment(7, part * kBytes, kBytes, true);
    EXPECT_EQ(node.from_web(later).fate, Fate::Hold);
  }
  const std::size_t last = (FragmentCache::kHeldPerDatagram + 1) * kBytes;
  EXPECT_THAT(node.from_web(PacketBuilder(whole).fragment(7, last, kBytes, false)),
              dropped_as(DropReason::FragmentLimit));
  const auto first = PacketBuilder(whole).fragment(7, 0, kBytes, true);
  EXPECT_THAT(node.from_web(first), forwarded_to(Node::kDb));
  EXPECT_EQ(node.released().size(), FragmentCache::kHeldPerDatagram);
  EXPECT_THAT(node.from_web(first), dropped_as(DropReason::FragmentOverlap));
}

// A part that was dropped on its way (its flow was cut, say) never completes the datagram: its
// place is kept, and another first, which would overlap this one at the receiver, is refused.
TEST_P(PipelineFragments, ADatagramThatLostAPartOnItsWayIsTorn) {
  const auto whole = to_db().udp(4000, 53).payload(1992);
  const auto first = PacketBuilder(whole).fragment(7, 0, 1000, true);
  EXPECT_THAT(node.from_web(first), forwarded_to(Node::kDb));
  node.publish(false);
  EXPECT_THAT(node.from_web(PacketBuilder(whole).fragment(7, 1000, 1000, false)),
              dropped_as(DropReason::EstablishedCut));
  node.publish(true);
  EXPECT_THAT(node.from_web(first), dropped_as(DropReason::FragmentOverlap));
  node.pass_ms(6100);
  EXPECT_THAT(node.from_web(first), forwarded_to(Node::kDb));
}

TEST_P(PipelineFragments, PoisonsOverlappingDatagrams) {
  const auto whole = to_db().udp(4000, 53).payload(2992);
  EXPECT_THAT(node.from_web(PacketBuilder(whole).fragment(7, 0, 1000, true)),
              forwarded_to(Node::kDb));
  EXPECT_THAT(node.from_web(PacketBuilder(whole).fragment(7, 992, 1000, true)),
              dropped_as(DropReason::FragmentOverlap));
  EXPECT_THAT(node.from_web(PacketBuilder(whole).fragment(7, 2000, 1000, false)),
              dropped_as(DropReason::FragmentOverlap));
  EXPECT_THAT(node.from_web(PacketBuilder(whole).fragment(8, 0, 1000, true)),
              forwarded_to(Node::kDb));
}

TEST_P(PipelineFragments, StaysPoisonedWhileAReceiverMayWait) {
  const auto whole = to_db().udp(4000, 53).payload(2992);
  const Bytes first = PacketBuilder(whole)
                          .fragment(7, 0, 1000, true)
                          .macs({2, 0, 0, 0, 0, 1}, Node::kGatewayMac)
                          .frame();
  // In one burst: the second is seen before the first is decided.
  EXPECT_THAT(
      node.send(Node::kWeb, std::vector{node.buffers.with(first), node.buffers.with(first)}),
      ElementsAre(forwarded_to(Node::kDb), dropped_as(DropReason::FragmentOverlap)));
  node.idle_ms(4000);
  EXPECT_THAT(node.from_web(PacketBuilder(whole).fragment(7, 0, 1000, true)),
              dropped_as(DropReason::FragmentOverlap));
  node.idle_ms(2000);
  EXPECT_THAT(node.from_web(PacketBuilder(whole).fragment(7, 0, 1000, true)),
              forwarded_to(Node::kDb));
}

TEST_P(PipelineFragments, PoisonsDatagramsWithBytesBeyondTheirEnd) {
  const auto whole = to_db().udp(4000, 53).payload(2992);
  const auto fragment = [&](std::uint16_t id, std::size_t offset, bool more) {
    return node.from_web(PacketBuilder(whole).fragment(id, offset, 800, more));
  };
  // As many bytes as the end tells, but elsewhere: it must not count as complete.
  EXPECT_THAT(fragment(7, 0, true), forwarded_to(Node::kDb));
  EXPECT_THAT(fragment(7, 1600, true), forwarded_to(Node::kDb));
  EXPECT_THAT(fragment(7, 800, false), dropped_as(DropReason::FragmentOverlap));
  EXPECT_THAT(fragment(7, 0, true), dropped_as(DropReason::FragmentOverlap));
  // The end came first, and then a second one.
  EXPECT_THAT(fragment(8, 0, true), forwarded_to(Node::kDb));
  EXPECT_THAT(fragment(8, 1600, false), forwarded_to(Node::kDb));
  EXPECT_THAT(fragment(8, 800, false), dropped_as(DropReason::FragmentOverlap));
}

TEST_P(PipelineFragments, DropsTinyFirstFragments) {
  const auto segment = to_db().tcp(4000, 5432, kTcpSyn).payload(100);
  EXPECT_THAT(node.from_web(PacketBuilder(segment).fragment(7, 0, 16, true)),
              dropped_as(DropReason::FragmentTiny));
  EXPECT_THAT(node.from_web(PacketBuilder(segment).fragment(7, 8, 80, true)),
              dropped_as(DropReason::FragmentTiny));
  EXPECT_THAT(node.from_web(PacketBuilder(segment).fragment(9, 0, 24, true)),
              forwarded_to(Node::kDb));
}

}  // namespace
}  // namespace bulkhead::dataplane
