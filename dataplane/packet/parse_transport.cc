// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/parse_transport.h"

#include "policy/base/protocol.h"

namespace bulkhead::dataplane {
namespace {

using enum DropReason;

// A short header: in a first fragment a classic way past filters (RFC 1858), else plain damage.
DropReason too_short(const PacketInfo& info) {
  return info.fragment == FragmentKind::First ? FragmentTiny : BadTransportHeader;
}

void read_ports(const std::uint8_t* l4, FlowKey& key) {
  key.source_port = load<Be16>(l4);
  key.destination_port = load<Be16>(l4 + 2);
}

// The combinations a stack may send; PSH and the ECN bits go with any.
bool are_possible(std::uint8_t flags) {
  switch (flags & (kTcpFin | kTcpSyn | kTcpRst | kTcpAck)) {
    case kTcpSyn:
    case kTcpSyn | kTcpAck:
    case kTcpRst:
    case kTcpRst | kTcpAck:
    case kTcpFin | kTcpAck:
    case kTcpAck:
      return true;
    default:
      return false;
  }
}

// RFC 7323: shift counts above 14 count as 14. 0xff = option absent.
std::uint8_t window_scale(std::span<const std::uint8_t> options) {
  std::size_t i = 0;
  while (i < options.size()) {
    const std::uint8_t kind = options[i];
    if (kind == 0) break;
    if (kind == 1) {
      ++i;
      continue;
    }
    if (i + 1 >= options.size()) break;
    const std::uint8_t length = options[i + 1];
    if (length < 2 || i + length > options.size()) break;
    if (kind == 3 && length == 3) return options[i + 2] > 14 ? 14 : options[i + 2];
    i += length;
  }
  return 0xff;
}

TransportResult parse_tcp(std::span<const std::uint8_t> l4, FlowKey& key, PacketInfo& info) {
  if (l4.size() < kTcpBytes) return {too_short(info)};
  const std::size_t header = std::size_t{l4[12]} >> 4 << 2;
  if (header < kTcpBytes) return {BadTransportHeader};
  if (l4.size() < header) return {too_short(info)};
  read_ports(l4.data(), key);
  if (key.source_port.raw() == 0 || key.destination_port.raw() == 0) return {BadTransportHeader};
  info.tcp_flags = l4[13];
  if (!are_possible(info.tcp_flags)) return {BadTcpFlags};
  info.tcp_sequence = load32(&l4[4]);
  info.tcp_acknowledgment = load32(&l4[8]);
  info.tcp_window = load16(&l4[14]);
  if ((info.tcp_flags & kTcpSyn) != 0) {
    info.window_scale = window_scale(l4.subspan(kTcpBytes, header - kTcpBytes));
  }
  return {None, header};
}

TransportResult parse_udp(std::span<const std::uint8_t> l4, FlowKey& key, PacketInfo& info) {
  if (l4.size() < kUdpBytes) return {too_short(info)};
  read_ports(l4.data(), key);
  const std::size_t length = load16(&l4[4]);
  const bool is_too_long = info.fragment == FragmentKind::None && length > l4.size();
  if (length < kUdpBytes || is_too_long || key.destination_port.raw() == 0) {
    return {BadTransportHeader};
  }
  return {None, kUdpBytes};
}

// The common header and one chunk header (RFC 9260).
TransportResult parse_sctp(std::span<const std::uint8_t> l4, FlowKey& key, PacketInfo& info) {
  if (l4.size() < kSctpBytes + 4) return {too_short(info)};
  read_ports(l4.data(), key);
  if (key.source_port.raw() == 0 || key.destination_port.raw() == 0) return {BadTransportHeader};
  return {None, kSctpBytes};
}

bool is_echo(std::uint8_t family, std::uint8_t type) {
  return family == 4 ? type == kEchoRequest || type == kEchoReply
                     : type == kEchoRequest6 || type == kEchoReply6;
}
bool is_error(std::uint8_t family, std::uint8_t type) {
  return family == 4 ? type == kUnreachable || type == kTimeExceeded || type == kParameterProblem
                     : type >= kUnreachable6 && type <= kParameterProblem6;
}

// The packet inside an ICMP error: its addresses and the first eight bytes of its transport header,
// which RFC 792 promises; by its own length, too, it must have had them, or we never forwarded it.
// The error must be on its way to the one who sent that packet.
DropReason parse_embedded(std::span<const std::uint8_t> inner, FlowKey& key, PacketInfo& info) {
  FlowKey found{};
  found.family = key.family;
  std::size_t at = 0;
  if (key.family == 4) {
    if (inner.size() < kIpv4Bytes + 8 || inner[0] != 0x45) return BadTransportHeader;
    if (load16(&inner[2]) < kIpv4Bytes + 8) return BadTransportHeader;
    if ((load16(&inner[6]) & 0x1fff) != 0) return IcmpUnrelated;
    found.protocol = inner[9];
    std::memcpy(found.source, &inner[12], 4);
    std::memcpy(found.destination, &inner[16], 4);
    at = kIpv4Bytes;
  } else {
    if (inner.size() < kIpv6Bytes + 8 || inner[0] >> 4 != 6) return BadTransportHeader;
    const std::size_t end = kIpv6Bytes + std::size_t{load16(&inner[4])};
    if (end < kIpv6Bytes + 8) return BadTransportHeader;
    found.protocol = inner[6];
    std::memcpy(found.source, &inner[8], 16);
    std::memcpy(found.destination, &inner[24], 16);
    at = kIpv6Bytes;
    if (found.protocol == 44) {  // a fragment: only the first has ports
      if (inner.size() < at + 8 + 8 || (load16(&inner[at + 2]) & 0xfff8) != 0) return IcmpUnrelated;
      found.protocol = inner[at];
      at += 8;
      if (end < at + 8) return BadTransportHeader;
    }
  }
  if (std::memcmp(found.source, key.destination, sizeof found.source) != 0) return IcmpUnrelated;
  const std::uint8_t* l4 = &inner[at];
  if (has_ports(found.protocol)) {
    read_ports(l4, found);
    if (found.protocol == kTcp) info.tcp_sequence = load32(l4 + 4);
  } else if (found.protocol == (key.family == 4 ? kIcmp : kIcmpV6) && is_echo(key.family, l4[0])) {
    found.source_port = found.destination_port = load<Be16>(l4 + 4);
    info.embedded_type = l4[0];
  } else {
    return IcmpUnrelated;  // an error about an error, or about what we never forward
  }
  key = found;
  return None;
}

TransportResult parse_icmp(std::span<const std::uint8_t> l4, FlowKey& key, PacketInfo& info) {
  if (l4.size() < kIcmpBytes) return {too_short(info)};
  info.icmp_type = l4[0];
  info.icmp_code = l4[1];
  if (is_echo(key.family, info.icmp_type)) {
    if (info.icmp_code != 0) return {BadTransportHeader};
    info.kind = PacketKind::IcmpQuery;
    key.source_port = key.destination_port = load<Be16>(&l4[4]);
    return {None, kIcmpBytes};
  }
  // Nothing else is long enough to be cut; what is cut hides something.
  if (info.fragment != FragmentKind::None) return {BadFragment};
  if (is_error(key.family, info.icmp_type)) {
    info.kind = PacketKind::IcmpError;
    return {parse_embedded(l4.subspan(kIcmpBytes), key, info), kIcmpBytes};
  }
  if (key.family == 4) return {info.icmp_type == kRedirect ? RogueRedirect : UnsupportedIcmp};
  const bool is_mld =
      (info.icmp_type >= kMldQuery && info.icmp_type <= kMldDone) || info.icmp_type == kMldReport2;
  const bool is_discovery = info.icmp_type >= kRouterSolicitation && info.icmp_type <= kRedirect6;
  if (!is_mld && !is_discovery) return {UnsupportedIcmp};
  info.kind = PacketKind::Neighbour;
  return {None, kIcmpBytes};
}

}  // namespace

bool is_tunnel(std::uint8_t protocol) {
  switch (protocol) {
    case 4:    // IP in IP
    case 41:   // IPv6
    case 47:   // GRE
    case 50:   // ESP
    case 51:   // AH
    case 94:   // IPIP
    case 97:   // EtherIP
    case 98:   // ENCAP
    case 115:  // L2TP
    case 137:  // MPLS in IP
      return true;
    default:
      return false;
  }
}

TransportResult parse_transport(std::span<const std::uint8_t> l4, FlowKey& key, PacketInfo& info) {
  info.kind = PacketKind::Transport;
  switch (key.protocol) {
    case kTcp:
      return parse_tcp(l4, key, info);
    case kUdp:
      return parse_udp(l4, key, info);
    case kSctp:
      return parse_sctp(l4, key, info);
    case kIcmp:
      if (key.family == 4) return parse_icmp(l4, key, info);
      break;
    case kIcmpV6:
      if (key.family == 6) return parse_icmp(l4, key, info);
      break;
    default:
      break;
  }
  return {is_tunnel(key.protocol) ? Tunnel : UnsupportedProtocol};
}

}  // namespace bulkhead::dataplane
