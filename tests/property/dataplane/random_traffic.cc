// SPDX-License-Identifier: Apache-2.0
#include "tests/property/dataplane/random_traffic.h"

#include "tests/property/dataplane/world.h"

namespace bulkhead::dataplane::testing {
namespace {

using Node = PipelineNode;

struct Speaker {
  PortId port;
  const std::array<IpAddress, 2>& addresses;
};
const std::array kSpeakers = {Speaker{Node::kWeb, kWebAddresses}, Speaker{Node::kDb, kDbAddresses},
                              Speaker{Node::kNode, kNodeAddresses},
                              Speaker{Node::kOutside, kWorldAddresses}};
const std::array kTargets = {&kWebAddresses,  &kDbAddresses,    &kDbAddresses,
                             &kNodeAddresses, &kWorldAddresses, &kNobodyAddresses};

MacAddress mac_of(PortId port) {
  if (port == Node::kWeb) return {2, 0, 0, 0, 0, 1};
  if (port == Node::kDb) return {2, 0, 0, 0, 0, 2};
  return {2, 0, 0, 0, 0, 9};
}

PortId port_of(const IpAddress& address) {
  for (const Speaker& speaker : kSpeakers) {
    for (const IpAddress& own : speaker.addresses) {
      if (own == address) return speaker.port;
    }
  }
  return Node::kOutside;
}

void fix_ipv4(Bytes& frame) {
  if (frame.size() < 34 || frame[12] != 8 || frame[13] != 0) return;
  store16(&frame[24], 0);
  store(&frame[24], checksum(std::span(frame).subspan(14, 20)));
}

Bytes l3_of(const Sent& sent) { return {sent.frame.begin() + 14, sent.frame.end()}; }

}  // namespace

void RandomTraffic::transport(PacketBuilder& packet, bool is_reply, std::uint16_t from,
                              std::uint16_t to) {
  constexpr std::uint8_t kFlags[] = {kTcpSyn,           kTcpSyn, kTcpSyn | kTcpAck,
                                     kTcpAck,           kTcpAck, kTcpAck | kTcpPsh,
                                     kTcpFin | kTcpAck, kTcpRst, kTcpRst | kTcpAck};
  switch (below(5)) {
    case 0:
    case 1: {
      std::uint8_t flags = kFlags[below(std::size(kFlags))];
      if (is_reply && flags == kTcpSyn && chance(80)) flags = kTcpSyn | kTcpAck;
      const std::uint32_t base = is_reply ? 500 : 100;
      const std::uint32_t sequence = base + ((flags & kTcpSyn) != 0 ? 0 : 1);
      const std::uint32_t wild = chance(5) ? static_cast<std::uint32_t>(random_()) : 0;
      packet.tcp(from, to, flags, sequence + wild, (is_reply ? 100 : 500) + 1);
      break;
    }
    case 2:
      packet.udp(from, to);
      break;
    case 3:
      packet.sctp(from, to);
      break;
    default:
      if (is_reply) {
        packet.pong(from);
      } else {
        packet.ping(from);
      }
  }
  packet.payload(below(4) * 24);
}

Sent RandomTraffic::fresh() {
  constexpr std::uint16_t kPorts[] = {5432, 53, 99, 80};
  const Speaker& speaker = kSpeakers[below(kSpeakers.size())];
  const auto& target = *kTargets[below(kTargets.size())];
  const std::size_t family = below(2);
  // One in twenty lies about who it is; one in fifty mixes the families.
  const auto& claimed = chance(5) ? kSpeakers[below(4)].addresses : speaker.addresses;
  const bool mixes = chance(2);
  PacketBuilder packet(claimed[family], target[mixes ? 1 - family : family]);
  packet.macs(mac_of(speaker.port), Node::kGatewayMac);
  transport(packet, false, static_cast<std::uint16_t>(1000 + below(3)), kPorts[below(4)]);
  const bool is_fragment = chance(15);
  const Bytes whole = packet.l3();
  const std::size_t header = family == 0 ? 20 : 40;
  if (is_fragment && whole.size() > header + 24) {
    const std::size_t l4 = whole.size() - header;
    const std::size_t offset = chance(50) ? 0 : 8 * (1 + below(l4 / 8 - 1));
    const std::size_t room = l4 - offset;
    const std::size_t bytes = std::max<std::size_t>(8, 8 * below(room / 8 + 1));
    packet.fragment(static_cast<std::uint32_t>(1 + below(3)), offset, std::min(bytes, room),
                    chance(70));
  }
  Sent sent{speaker.port, packet.frame(), {}, false};
  sent.is_plain = &claimed == &speaker.addresses && !is_fragment && !mixes;
  return sent;
}

Sent RandomTraffic::answer() {
  const Sent& asked = past_[below(past_.size())];
  const auto seen = receive(asked.frame);
  if (!seen || seen->about) return fresh();
  const Tuple& tuple = seen->tuple;
  const PortId in = chance(95) ? port_of(tuple.destination) : kSpeakers[below(4)].port;
  PacketBuilder packet(tuple.destination, tuple.source);
  packet.macs(mac_of(in), Node::kGatewayMac);
  switch (tuple.protocol) {
    case kTcp: {
      constexpr std::uint8_t kAnswers[] = {kTcpSyn | kTcpAck, kTcpSyn | kTcpAck, kTcpAck,
                                           kTcpFin | kTcpAck, kTcpRst | kTcpAck};
      const std::uint8_t flags = kAnswers[below(5)];
      packet.tcp(tuple.destination_port, tuple.source_port, flags,
                 (flags & kTcpSyn) != 0 ? 500 : 501, 101);
      break;
    }
    case kUdp:
      packet.udp(tuple.destination_port, tuple.source_port);
      break;
    case kSctp:
      packet.sctp(tuple.destination_port, tuple.source_port);
      break;
    default:
      packet.pong(tuple.source_port);
  }
  return {in, packet.frame(), {}, false};
}

Sent RandomTraffic::error() {
  const Sent& about = past_[below(past_.size())];
  const auto seen = receive(about.frame);
  if (!seen) return fresh();
  const bool is_v4 = seen->tuple.source.family == Family::V4;
  // From the packet's receiver, or from anybody else.
  const Speaker& liar = kSpeakers[below(4)];
  const bool is_honest = chance(60);
  const IpAddress from = is_honest ? seen->tuple.destination : liar.addresses[is_v4 ? 0 : 1];
  const PortId in = is_honest ? port_of(from) : liar.port;
  PacketBuilder packet(from, seen->tuple.source);
  packet.macs(mac_of(in), Node::kGatewayMac);
  packet.icmp(is_v4 ? kUnreachable : kUnreachable6, 1).quote(l3_of(about));
  return {in, packet.frame(), {}, false};
}

// The virtio-net header of a sending stack, right or nearly right.
void RandomTraffic::offload(Sent& sent) {
  const auto seen = receive(sent.frame);
  if (!seen) return;
  const bool is_tcp = seen->tuple.protocol == kTcp;
  sent.vnet.flags = kVnetNeedsChecksum;
  sent.vnet.checksum_start = static_cast<std::uint16_t>(seen->transport_offset);
  sent.vnet.checksum_offset = is_tcp ? 16 : 6;
  if (chance(30)) {
    sent.vnet.gso_type = is_tcp ? (sent.frame[12] == 8 ? kVnetGsoTcp4 : kVnetGsoTcp6) : kVnetGsoUdp;
    sent.vnet.gso_size = static_cast<std::uint16_t>(below(100));
  }
  if (chance(50)) {
    auto* const bytes = reinterpret_cast<std::uint8_t*>(&sent.vnet);
    bytes[below(sizeof sent.vnet)] = static_cast<std::uint8_t>(below(64));
  }
}

void RandomTraffic::mutate(Sent& sent) {
  Bytes& frame = sent.frame;
  const std::size_t times = 1 + below(3);
  for (std::size_t n = 0; n < times && frame.size() > 20; ++n) {
    const std::size_t at = 12 + below(std::min<std::size_t>(frame.size() - 12, 76));
    switch (below(8)) {
      case 0:
        frame[at] ^= static_cast<std::uint8_t>(1u << below(8));
        break;
      case 1:
        frame[at] = static_cast<std::uint8_t>(random_());
        break;
      case 2:
        frame[14] = static_cast<std::uint8_t>(0x40 | below(16));  // IHL
        break;
      case 3:
        frame.resize(14 + below(frame.size()));
        break;
      case 4:
        frame.resize(frame.size() + below(40), 0);
        break;
      case 5: {  // an extension header where none was
        constexpr std::uint8_t kKinds[] = {0, 43, 44, 51, 60, 135, 140};
        if (frame[12] != 0x86 || frame.size() < 54) break;
        const std::uint8_t next = frame[20];
        frame[20] = kKinds[below(std::size(kKinds))];
        Bytes longer(frame.begin(), frame.begin() + 54);
        append(longer, {next, 0, static_cast<std::uint8_t>(below(2) * below(4) * 8),
                        static_cast<std::uint8_t>(below(3)), 0, 0, 0, 1});
        append(longer, Bytes(frame.begin() + 54, frame.end()));
        store16(&longer[18], static_cast<std::uint16_t>(longer.size() - 54));
        frame = longer;
        break;
      }
      case 6:  // fragment offset and flags
        if (frame[12] == 8) store16(&frame[20], static_cast<std::uint16_t>(random_()));
        break;
      default:  // another address family's number
        frame[13] = chance(50) ? 0xdd : 0x00;
        frame[12] = chance(50) ? 0x86 : 0x08;
    }
  }
  if (chance(80)) fix_ipv4(frame);
}

Sent RandomTraffic::next() {
  Sent sent;
  const std::size_t choice = past_.empty() ? 0 : below(10);
  if (choice < 5) {
    sent = fresh();
  } else {
    sent = choice < 9 ? answer() : error();
  }
  if (past_.size() < 64) {
    past_.push_back(sent);
  } else {
    past_[below(past_.size())] = sent;
  }
  if (chance(10)) {
    offload(sent);
    sent.is_plain = false;
  }
  if (chance(25)) {
    mutate(sent);
    sent.is_plain = false;
  }
  return sent;
}

}  // namespace bulkhead::dataplane::testing
