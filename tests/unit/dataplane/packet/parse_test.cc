// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/parse.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "tests/support/packet_builder.h"

namespace bulkhead::dataplane {
namespace {

using namespace testing;

class ParseTest : public ::testing::TestWithParam<Family> {
 protected:
  [[nodiscard]] bool is_v4() const { return GetParam() == Family::V4; }
  [[nodiscard]] PacketBuilder packet() const {
    return is_v4() ? PacketBuilder("10.0.0.1", "10.0.0.2") : PacketBuilder("fd00::1", "fd00::2");
  }
  [[nodiscard]] std::size_t l4() const {
    return kEthernetBytes + (is_v4() ? kIpv4Bytes : kIpv6Bytes);
  }
  DropReason parse(const Bytes& frame, const VnetHeader& vnet = {}) {
    batch->size = 1;
    batch->mbuf[0] = buffers.with(frame, vnet);
    batch->start();
    dataplane::parse(*batch);
    return batch->reason[0];
  }
  [[nodiscard]] VnetHeader vnet_left() const {
    return load<VnetHeader>(frame_of(batch->mbuf[0]) - kVnetHeaderBytes);
  }
  [[nodiscard]] VnetHeader gso(std::uint16_t size) const {
    return {kVnetNeedsChecksum,
            is_v4() ? kVnetGsoTcp4 : kVnetGsoTcp6,
            9999,
            size,
            static_cast<std::uint16_t>(l4()),
            16,
            0};
  }

  PlainBuffers buffers;
  std::unique_ptr<Batch> batch = std::make_unique<Batch>();
};
INSTANTIATE_TEST_SUITE_P(BothFamilies, ParseTest, ::testing::Values(Family::V4, Family::V6),
                         [](const auto& info) { return std::string(name_of(info.param)); });

TEST_P(ParseTest, ReadsKeyAndFlags) {
  EXPECT_EQ(parse(packet().tcp(4000, 5432, kTcpSyn, 7, 0, 99).scale(9).payload(3).frame()),
            DropReason::None);
  EXPECT_EQ(batch->key[0].source_port, Be16(4000));
  EXPECT_EQ(batch->key[0].destination_port, Be16(5432));
  EXPECT_EQ(batch->key[0].protocol, kTcp);
  const PacketInfo& info = batch->info[0];
  EXPECT_EQ(info.tcp_flags, kTcpSyn);
  EXPECT_EQ(info.window_scale, 9);
  EXPECT_EQ(info.tcp_sequence, 7u);
  EXPECT_EQ(info.tcp_window, 99);
  EXPECT_EQ(info.payload_bytes, 3);
}

TEST_P(ParseTest, TrimsPaddingOfShortFramesOnly) {
  Bytes frame = packet().udp(1, 2).frame();
  const std::size_t honest = frame.size();
  if (is_v4()) {
    frame.resize(kEthernetMinimum);
    EXPECT_EQ(parse(frame), DropReason::None);
    EXPECT_EQ(batch->mbuf[0]->data_len, honest);
  }
  frame.resize(honest + 30);
  EXPECT_EQ(parse(frame), DropReason::BadIpHeader);
  frame.resize(honest - 1);
  EXPECT_EQ(parse(frame), DropReason::Truncated);
}

TEST_P(ParseTest, RefusesOtherEthernet) {
  Bytes frame = packet().udp(1, 2).frame();
  for (const auto& [type, reason] : {std::pair{0x8100, DropReason::VlanTagged},
                                     {0x88a8, DropReason::VlanTagged},
                                     {0x9100, DropReason::VlanTagged},
                                     {0x0040, DropReason::BadEthernet},
                                     {0x8847, DropReason::BadEthernet}}) {
    store16(&frame[12], static_cast<std::uint16_t>(type));
    EXPECT_EQ(parse(frame), reason) << type;
  }
  EXPECT_EQ(parse(Bytes(10)), DropReason::Truncated);
}

TEST_P(ParseTest, RefusesDamagedIpHeaders) {
  Bytes frame = packet().udp(1, 2).frame();
  if (is_v4()) {
    frame[kEthernetBytes + 10] ^= 1;
    EXPECT_EQ(parse(frame), DropReason::BadChecksum);
    frame[kEthernetBytes] = 0x46;
    EXPECT_EQ(parse(frame), DropReason::IpOptions);
    frame[kEthernetBytes] = 0x44;
    EXPECT_EQ(parse(frame), DropReason::BadIpHeader);
  } else {
    for (const std::uint8_t kind : std::array<std::uint8_t, 3>{0, 43, 60}) {
      EXPECT_EQ(parse(packet().udp(1, 2).extension(kind).frame()), DropReason::BadExtensionHeader);
    }
    frame[kEthernetBytes] = 0x40;
    EXPECT_EQ(parse(frame), DropReason::BadIpHeader);
  }
}

TEST_P(ParseTest, RefusesTunnelsAndUnknownProtocols) {
  for (const std::uint8_t protocol : std::array<std::uint8_t, 5>{4, 41, 47, 50, 51}) {
    EXPECT_EQ(parse(packet().raw(protocol, Bytes(40)).frame()), DropReason::Tunnel);
  }
  EXPECT_EQ(parse(packet().raw(89, Bytes(40)).frame()), DropReason::UnsupportedProtocol);
  EXPECT_EQ(parse(packet().raw(is_v4() ? kIcmpV6 : kIcmp, Bytes(40)).frame()),
            DropReason::UnsupportedProtocol);
  EXPECT_EQ(parse(packet().udp(9, 4789).frame()), DropReason::None);  // VXLAN is policy's
}

TEST_P(ParseTest, RefusesDamagedTransportHeaders) {
  EXPECT_EQ(parse(packet().raw(kTcp, Bytes(19)).frame()), DropReason::BadTransportHeader);
  EXPECT_EQ(parse(packet().raw(kUdp, Bytes(8)).frame()), DropReason::BadTransportHeader);
  EXPECT_EQ(parse(packet().tcp(0, 5, kTcpSyn).frame()), DropReason::BadTransportHeader);
  EXPECT_EQ(parse(packet().udp(5, 0).frame()), DropReason::BadTransportHeader);
  for (const int flags : {0, kTcpSyn | kTcpFin, kTcpSyn | kTcpRst, int{kTcpFin}, 0x3f}) {
    EXPECT_EQ(parse(packet().tcp(1, 2, static_cast<std::uint8_t>(flags)).frame()),
              DropReason::BadTcpFlags)
        << flags;
  }
}

TEST_P(ParseTest, RefusesIcmpThatIsNotForwarded) {
  EXPECT_EQ(parse(packet().icmp(is_v4() ? 13 : 138).frame()), DropReason::UnsupportedIcmp);
  if (is_v4()) {
    EXPECT_EQ(parse(packet().icmp(kRedirect).frame()), DropReason::RogueRedirect);
  }
  EXPECT_EQ(parse(packet().ping(3).frame()), DropReason::None);
}

TEST_P(ParseTest, RefusesAnErrorAboutAPacketTooShortForItsPorts) {
  const auto error_about = [&](const Bytes& quoted) {
    return parse(packet().icmp(is_v4() ? kUnreachable : kUnreachable6).quote(quoted).frame());
  };
  Bytes quoted =
      (is_v4() ? PacketBuilder("10.0.0.2", "10.0.0.1") : PacketBuilder("fd00::2", "fd00::1"))
          .udp(53, 1003)
          .l3();
  EXPECT_EQ(error_about(quoted), DropReason::None);
  // What is quoted says itself that it ended within its transport header.
  if (is_v4()) {
    store16(&quoted[2], kIpv4Bytes + 7);
  } else {
    store16(&quoted[4], 7);
  }
  EXPECT_EQ(error_about(quoted), DropReason::BadTransportHeader);
}

TEST_P(ParseTest, AcceptsAnHonestOffloadAndRewritesItsHeader) {
  const Bytes frame = packet().tcp(1, 2, kTcpAck).payload(10'000).frame();
  EXPECT_EQ(parse(frame, gso(1400)), DropReason::None);
  EXPECT_EQ(vnet_left().header_bytes, l4() + kTcpBytes);
  EXPECT_EQ(batch->info[0].mtu_bytes, l4() - kEthernetBytes + kTcpBytes + 1400);
}

TEST_P(ParseTest, RefusesHostileOffloads) {
  const Bytes frame = packet().tcp(1, 2, kTcpAck).payload(10'000).frame();
  const auto with = [&](auto change) {
    VnetHeader vnet = gso(1400);
    change(vnet);
    return parse(frame, vnet);
  };
  using V = VnetHeader;
  EXPECT_EQ(with([](V&) {}), DropReason::None);
  // A checksum written over the destination port.
  EXPECT_EQ(with([](V& v) { v.checksum_offset = 2; }), DropReason::BadOffload);
  EXPECT_EQ(with([](V& v) { --v.checksum_start; }), DropReason::BadOffload);
  EXPECT_EQ(with([](V& v) { v.gso_size = 1; }), DropReason::BadOffload);
  EXPECT_EQ(with([](V& v) { v.gso_size = 0; }), DropReason::BadOffload);
  EXPECT_EQ(with([](V& v) { v.gso_size = 0xffff; }), DropReason::BadOffload);
  EXPECT_EQ(with([](V& v) { v.flags = 0; }), DropReason::BadOffload);
  EXPECT_EQ(with([](V& v) { v.flags = 4; }), DropReason::BadOffload);
  EXPECT_EQ(with([](V& v) { v.flags = 3; }), DropReason::BadOffload);
  EXPECT_EQ(with([](V& v) { v.gso_type = 3; }), DropReason::BadOffload);  // UFO
  EXPECT_EQ(with([](V& v) { v.gso_type = kVnetGsoUdp; }), DropReason::BadOffload);
  EXPECT_EQ(with([](V& v) { v.gso_type ^= kVnetGsoTcp4 | kVnetGsoTcp6; }), DropReason::BadOffload);
  EXPECT_EQ(with([](V& v) { v.gso_type |= kVnetGsoEcn; }), DropReason::None);
}

TEST_P(ParseTest, DropsWhatTheSenderSaysAboutChecksums) {
  VnetHeader valid{};
  valid.flags = kVnetDataValid;
  EXPECT_EQ(parse(packet().udp(1, 2).frame(), valid), DropReason::None);
  EXPECT_EQ(vnet_left().flags, 0);
}

TEST_P(ParseTest, RefusesOffloadsOnFragments) {
  VnetHeader partial{};
  partial.flags = kVnetNeedsChecksum;
  partial.checksum_start = static_cast<std::uint16_t>(l4() + (is_v4() ? 0 : 8));
  partial.checksum_offset = 6;
  const auto first = packet().udp(1, 2).payload(100).fragment(1, 0, 64, true);
  EXPECT_EQ(parse(first.frame()), DropReason::None);
  EXPECT_EQ(parse(first.frame(), partial), DropReason::BadOffload);
}

TEST_P(ParseTest, RefusesImpossibleFragments) {
  const auto whole = packet().udp(1, 2).payload(200);
  EXPECT_EQ(parse(PacketBuilder(whole).fragment(1, 0, 100, true).frame()), DropReason::BadFragment);
  EXPECT_EQ(parse(PacketBuilder(whole).fragment(1, 8, 100, false).frame()), DropReason::None);
  EXPECT_EQ(batch->info[0].kind, PacketKind::LaterFragment);
}

// Whatever the bytes, the parser stays inside the frame (under ASan) and reaches one end.
TEST_P(ParseTest, SurvivesRandomDamage) {
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const Bytes honest = packet().tcp(1, 2, kTcpAck).payload(64).frame();
  for (int round = 0; round < 3000; ++round) {
    Bytes frame = honest;
    for (int change = 0; change < 3; ++change) {
      frame[random() % frame.size()] = static_cast<std::uint8_t>(random());
    }
    frame.resize(random() % (frame.size() + 1));
    const DropReason reason = parse(frame);
    ASSERT_EQ(reason == DropReason::None, batch->live == 1);
  }
}

}  // namespace
}  // namespace bulkhead::dataplane
