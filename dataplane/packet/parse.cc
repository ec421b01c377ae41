// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/parse.h"

#include <rte_mbuf.h>

#include "dataplane/packet/checksum.h"
#include "dataplane/packet/offload.h"
#include "dataplane/packet/parse_transport.h"
#include "policy/base/protocol.h"

namespace bulkhead::dataplane {
namespace {

using enum DropReason;

constexpr std::uint8_t kHopByHop = 0;
constexpr std::uint8_t kRouting = 43;
constexpr std::uint8_t kFragment = 44;
constexpr std::uint8_t kDestinationOptions = 60;
constexpr std::uint8_t kMobility = 135;

// A header line is 64 bytes; four packets ahead covers a miss to L3 (about 50 cycles) at the 15 to
// 25 cycles a packet takes here.
constexpr std::size_t kPrefetchAhead = 4;

// The frame may be longer than the IP packet only by the padding of a minimal frame.
DropReason fit_to(rte_mbuf* mbuf, std::size_t l3_bytes) {
  const std::size_t wanted = kEthernetBytes + l3_bytes;
  if (mbuf->data_len == wanted) return None;
  if (mbuf->data_len < wanted) return Truncated;
  if (mbuf->data_len > kEthernetMinimum) return BadIpHeader;
  mbuf->data_len = static_cast<std::uint16_t>(wanted);
  mbuf->pkt_len = mbuf->data_len;
  return None;
}

// Of an IPv4 header without options: five words, added without a loop.
bool has_good_checksum(const std::uint8_t* ip) {
  const auto first = load<std::uint64_t>(ip);
  const auto second = load<std::uint64_t>(ip + 8);
  std::uint64_t sum = (first & 0xffffffff) + (first >> 32) + (second & 0xffffffff) +
                      (second >> 32) + load<std::uint32_t>(ip + 16);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

DropReason read_fragment(std::size_t offset, bool more, std::size_t data_bytes, PacketInfo& info) {
  info.more_fragments = more;
  if (offset == 0 && !more) return None;  // whole, or an atomic fragment (RFC 6946)
  if (data_bytes == 0 || (more && data_bytes % 8 != 0) || offset + data_bytes > 0xffff) {
    return BadFragment;
  }
  info.fragment = offset == 0 ? FragmentKind::First : FragmentKind::Later;
  info.fragment_offset = static_cast<std::uint16_t>(offset);
  return None;
}

// Everything from the transport header on, the same for both families.
DropReason parse_rest(std::uint8_t* frame, std::size_t l4_bytes, FlowKey& key, PacketInfo& info) {
  const std::span<const std::uint8_t> l4{frame + info.l4_offset, l4_bytes};
  std::size_t header_bytes = 0;
  if (info.fragment == FragmentKind::Later) {
    if (is_tunnel(key.protocol)) return Tunnel;
    // A second fragment at 8 could rewrite the flags of a TCP header (RFC 1858 section 3.2).
    if (key.protocol == kTcp && info.fragment_offset < kTcpBytes) return FragmentTiny;
    info.kind = PacketKind::LaterFragment;
  } else {
    const std::uint8_t protocol = key.protocol;
    const TransportResult result = parse_transport(l4, key, info);
    if (result.reason != None) return result.reason;
    header_bytes = result.header_bytes;
    info.payload_bytes = static_cast<std::uint16_t>(l4_bytes - header_bytes);
    // check_offload judges by the outer packet; an error's key is already the embedded one's.
    if (info.kind == PacketKind::IcmpError) {
      FlowKey outer = key;
      outer.protocol = protocol;
      return check_offload(frame, header_bytes, outer, info);
    }
  }
  return check_offload(frame, header_bytes, key, info);
}

DropReason parse_ipv4(rte_mbuf* mbuf, std::uint8_t* frame, FlowKey& key, PacketInfo& info) {
  const std::uint8_t* ip = frame + kEthernetBytes;
  if (mbuf->data_len < kEthernetBytes + kIpv4Bytes) return Truncated;
  if (ip[0] != 0x45) return (ip[0] >> 4) == 4 && (ip[0] & 0xf) > 5 ? IpOptions : BadIpHeader;
  const std::size_t total = load16(ip + 2);
  if (total < kIpv4Bytes) return BadIpHeader;
  if (!has_good_checksum(ip)) return BadChecksum;
  if (const DropReason reason = fit_to(mbuf, total); reason != None) return reason;
  const std::uint16_t flags = load16(ip + 6);
  if ((flags & 0x8000) != 0) return BadIpHeader;
  key.family = 4;
  key.protocol = ip[9];
  std::memcpy(key.source, ip + 12, 4);
  std::memcpy(key.destination, ip + 16, 4);
  info.hop_limit = ip[8];
  info.dont_fragment = (flags & 0x4000) != 0;
  info.fragment_id = load16(ip + 4);
  info.l3_bytes = static_cast<std::uint16_t>(total);
  info.l4_offset = kEthernetBytes + kIpv4Bytes;
  const std::size_t l4_bytes = total - kIpv4Bytes;
  const bool more = (flags & 0x2000) != 0;
  const std::size_t offset = std::size_t{flags & 0x1fffu} * 8;
  if (const DropReason reason = read_fragment(offset, more, l4_bytes, info); reason != None) {
    return reason;
  }
  return parse_rest(frame, l4_bytes, key, info);
}

DropReason parse_ipv6(rte_mbuf* mbuf, std::uint8_t* frame, FlowKey& key, PacketInfo& info) {
  const std::uint8_t* ip = frame + kEthernetBytes;
  if (mbuf->data_len < kEthernetBytes + kIpv6Bytes) return Truncated;
  if (ip[0] >> 4 != 6) return BadIpHeader;
  const std::size_t payload = load16(ip + 4);
  if (const DropReason reason = fit_to(mbuf, kIpv6Bytes + payload); reason != None) return reason;
  key.family = 6;
  std::memcpy(key.source, ip + 8, 16);
  std::memcpy(key.destination, ip + 24, 16);
  info.hop_limit = ip[7];
  info.dont_fragment = true;
  info.l3_bytes = static_cast<std::uint16_t>(kIpv6Bytes + payload);
  std::uint8_t next = ip[6];
  std::size_t at = kIpv6Bytes;  // from the IP header
  const bool has_hop_by_hop = next == kHopByHop;
  if (has_hop_by_hop) {
    if (info.l3_bytes < at + 8) return BadExtensionHeader;
    next = ip[at];
    at += 8 + std::size_t{ip[at + 1]} * 8;
    if (info.l3_bytes < at) return BadExtensionHeader;
  }
  if (next == kFragment) {
    if (info.l3_bytes < at + 8) return BadExtensionHeader;
    const std::uint16_t field = load16(ip + at + 2);
    info.fragment_id = load32(ip + at + 4);
    next = ip[at];
    at += 8;
    const DropReason reason =
        read_fragment(field & 0xfff8, (field & 1) != 0, info.l3_bytes - at, info);
    if (reason != None) return reason;
  }
  switch (next) {
    case kHopByHop:
    case kRouting:
    case kFragment:
    case kDestinationOptions:
    case kMobility:
      return BadExtensionHeader;
    default:
      break;
  }
  key.protocol = next;
  info.l4_offset = static_cast<std::uint16_t>(kEthernetBytes + at);
  const DropReason reason = parse_rest(frame, info.l3_bytes - at, key, info);
  if (reason != None) return reason;
  const bool is_mld = info.kind == PacketKind::Neighbour &&
                      (info.icmp_type < kRouterSolicitation || info.icmp_type == kMldReport2);
  return has_hop_by_hop && !is_mld ? BadExtensionHeader : None;
}

DropReason parse_frame(rte_mbuf* mbuf, FlowKey& key, PacketInfo& info) {
  key = FlowKey{};
  info = PacketInfo{};
  if (mbuf->nb_segs != 1 || mbuf->data_len < kEthernetBytes) return Truncated;
  std::uint8_t* frame = frame_of(mbuf);
  switch (load16(frame + 12)) {
    case kEtherIpv4:
      return parse_ipv4(mbuf, frame, key, info);
    case kEtherIpv6:
      return parse_ipv6(mbuf, frame, key, info);
    case kEtherArp:
      info.kind = PacketKind::Arp;
      return None;
    case 0x8100:  // 802.1Q
    case 0x88a8:  // 802.1ad
    case 0x9100:  // QinQ before the standard
      return VlanTagged;
    default:
      return BadEthernet;
  }
}

}  // namespace

void parse(Batch& batch) {
  for (const std::size_t i : each_bit(batch.live)) {
    if (i + kPrefetchAhead < batch.size) {
      __builtin_prefetch(frame_of(batch.mbuf[i + kPrefetchAhead]), 1, 3);
    }
    rte_mbuf* const mbuf = batch.mbuf[i];
    const DropReason reason = parse_frame(mbuf, batch.key[i], batch.info[i]);
    if (reason != DropReason::None) {
      batch.drop(i, reason);
      continue;
    }
    const PacketInfo& info = batch.info[i];
    if (info.kind == PacketKind::Transport && info.fragment == FragmentKind::None) continue;
    batch.unusual |= std::uint64_t{1} << i;
    if (info.kind == PacketKind::IcmpError) {
      const std::uint8_t* ip = frame_of(mbuf) + kEthernetBytes;
      batch.outer_source[i].fill(0);
      if (batch.key[i].family == 4) {
        std::memcpy(batch.outer_source[i].data(), ip + 12, 4);
      } else {
        std::memcpy(batch.outer_source[i].data(), ip + 8, 16);
      }
    }
  }
}

}  // namespace bulkhead::dataplane
