// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/build.h"
#include "tests/support/pipeline_node.h"

namespace bulkhead::dataplane {
namespace {

using namespace testing;
using Node = PipelineNode;

constexpr MacAddress kWebMac{2, 0, 0, 0, 0, 1};

Bytes arp(std::uint8_t operation, const MacAddress& mac, const IpAddress& sender,
          const IpAddress& target) {
  Bytes frame(kEthernetMinimum);
  store(&frame[6], mac);
  store16(&frame[12], kEtherArp);
  const Bytes head = {0, 1, 8, 0, 6, 4, 0, operation};
  std::copy(head.begin(), head.end(), &frame[14]);
  store(&frame[22], mac);
  std::copy_n(sender.bytes.begin(), 4, &frame[28]);
  std::copy_n(target.bytes.begin(), 4, &frame[38]);
  return frame;
}

PacketBuilder neighbour(std::string_view from, std::uint8_t type, std::string_view target,
                        std::string_view to = "ff02::1") {
  const IpAddress ip6 = ip(target);
  return PacketBuilder(from, to)
      .icmp(type)
      .quote({ip6.bytes.begin(), ip6.bytes.end()})
      .hop_limit(255);
}

TEST(Bind, AnswersArpForEveryAddressButTheAskersOwn) {
  Node node;
  const auto ask = [&](const char* target) {
    return node.send(Node::kWeb, arp(1, kWebMac, ip("10.0.0.1"), ip(target))).fate;
  };
  EXPECT_EQ(ask("169.254.1.1"), Fate::Consume);
  EXPECT_EQ(ask("10.0.0.99"), Fate::Consume);
  const auto answers = node.generated();
  ASSERT_EQ(answers.size(), 2u);
  const Bytes frame = bytes_of(answers[0].buffer);
  EXPECT_EQ(load<MacAddress>(&frame[22]), Node::kGatewayMac);
  EXPECT_EQ(IpAddress::v4_from_wire(&frame[28]), ip("169.254.1.1"));
  EXPECT_EQ(ask("10.0.0.1"), Fate::Consume);  // its own: silence
  EXPECT_TRUE(node.generated().empty());
}

TEST(Bind, RefusesForgedArp) {
  Node node;
  EXPECT_THAT(node.send(Node::kWeb, arp(1, kWebMac, ip("10.0.0.2"), ip("169.254.1.1"))),
              dropped_as(DropReason::BadArp));
  EXPECT_THAT(node.send(Node::kWeb, arp(2, kWebMac, ip("169.254.1.1"), ip("10.0.0.2"))),
              dropped_as(DropReason::BadArp));
  EXPECT_THAT(node.send(Node::kWeb, arp(9, kWebMac, ip("10.0.0.1"), ip("169.254.1.1"))),
              dropped_as(DropReason::BadArp));
  EXPECT_TRUE(node.generated().empty());
}

TEST(Bind, AnswersNeighbourSolicitations) {
  Node node;
  EXPECT_EQ(node.from_web(neighbour("fd00::1", kNeighbourSolicitation, "fe80::1")).fate,
            Fate::Consume);
  const auto answers = node.generated();
  ASSERT_EQ(answers.size(), 1u);
  const Bytes frame = bytes_of(answers[0].buffer);
  EXPECT_EQ(frame[kEthernetBytes + kIpv6Bytes], kNeighbourAdvertisement);
  // Duplicate address detection is swallowed.
  EXPECT_EQ(node.from_web(neighbour("::", kNeighbourSolicitation, "fd00::1")).fate, Fate::Consume);
  EXPECT_TRUE(node.generated().empty());
}

TEST(Bind, RefusesForgedNeighbourDiscovery) {
  Node node;
  EXPECT_THAT(node.from_web(neighbour("fd00::2", kNeighbourSolicitation, "fe80::1")),
              dropped_as(DropReason::BadNeighbour));
  EXPECT_THAT(node.from_web(neighbour("fd00::1", kNeighbourAdvertisement, "fe80::1")),
              dropped_as(DropReason::BadNeighbour));
  EXPECT_THAT(node.from_web(neighbour("fd00::1", kNeighbourSolicitation, "fe80::1").hop_limit(254)),
              dropped_as(DropReason::BadNeighbour));
  EXPECT_THAT(node.from_web(neighbour("fe80::9", kRouterAdvertisement, "::")),
              dropped_as(DropReason::RogueRouterAdvertisement));
  EXPECT_THAT(node.from_web(neighbour("fe80::1", kRedirect6, "fd00::2")),
              dropped_as(DropReason::RogueRedirect));
}

TEST(Bind, RefusesDhcpServers) {
  Node node;
  EXPECT_THAT(node.from_web(PacketBuilder("10.0.0.1", "10.0.0.2").udp(67, 68)),
              dropped_as(DropReason::RogueDhcpServer));
  EXPECT_THAT(node.from_web(PacketBuilder("fd00::1", "fd00::2").udp(547, 546)),
              dropped_as(DropReason::RogueDhcpServer));
}

TEST(Bind, RefusesMartians) {
  Node node;
  for (const char* source : {"127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255"}) {
    EXPECT_THAT(node.send(Node::kOutside, PacketBuilder(source, "10.0.0.1").udp(1, 2).frame()),
                dropped_as(DropReason::BadSource))
        << source;
  }
  for (const char* source : {"::1", "::", "ff02::1", "::ffff:203.0.113.9", "::203.0.113.9"}) {
    EXPECT_THAT(node.send(Node::kOutside, PacketBuilder(source, "fd00::1").udp(1, 2).frame()),
                dropped_as(DropReason::BadSource))
        << source;
  }
  for (const char* target : {"127.0.0.1", "224.0.0.251", "255.255.255.255"}) {
    EXPECT_THAT(node.from_web(PacketBuilder("10.0.0.1", target).udp(1, 2)),
                dropped_as(DropReason::BadDestination))
        << target;
  }
  for (const char* target : {"::1", "ff02::fb", "::ffff:10.0.0.2", "fe80::2"}) {
    EXPECT_THAT(node.from_web(PacketBuilder("fd00::1", target).udp(1, 2)),
                dropped_as(DropReason::BadDestination))
        << target;
  }
}

}  // namespace
}  // namespace bulkhead::dataplane
