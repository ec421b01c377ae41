// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/build.h"

#include <rte_mbuf.h>

#include <algorithm>

#include "dataplane/packet/checksum.h"
#include "policy/base/protocol.h"

namespace bulkhead::dataplane {
namespace {

constexpr std::uint8_t kOurHopLimit = 64;
constexpr std::size_t kLargestEcho = 1400;

// Makes room for a frame with this much L3, writes the Ethernet header and a zero vnet header, and
// returns the L3 part, zeroed.
std::span<std::uint8_t> start_frame(rte_mbuf* into, const Ends& ends, std::uint16_t ether_type,
                                    std::size_t l3_bytes) {
  into->data_len = static_cast<std::uint16_t>(kEthernetBytes + l3_bytes);
  into->pkt_len = into->data_len;
  into->nb_segs = 1;
  into->next = nullptr;
  std::uint8_t* frame = frame_of(into);
  std::memset(frame - kVnetHeaderBytes, 0, kVnetHeaderBytes + into->data_len);
  store(frame, ends.destination_mac);
  store(frame + 6, ends.source_mac);
  store16(frame + 12, ether_type);
  return {frame + kEthernetBytes, l3_bytes};
}

void write_ipv4(std::span<std::uint8_t> ip, std::uint8_t protocol, const std::uint8_t* from,
                const std::uint8_t* to) {
  ip[0] = 0x45;
  store16(&ip[2], static_cast<std::uint16_t>(ip.size()));
  ip[6] = 0x40;  // DF: so an identification of 0 will do (RFC 6864)
  ip[8] = kOurHopLimit;
  ip[9] = protocol;
  std::memcpy(&ip[12], from, 4);
  std::memcpy(&ip[16], to, 4);
  store(&ip[10], checksum(ip.first(kIpv4Bytes)));
}

void write_ipv6(std::span<std::uint8_t> ip, std::uint8_t protocol, const std::uint8_t* from,
                const std::uint8_t* to, std::uint8_t hop_limit) {
  ip[0] = 0x60;
  store16(&ip[4], static_cast<std::uint16_t>(ip.size() - kIpv6Bytes));
  ip[6] = protocol;
  ip[7] = hop_limit;
  std::memcpy(&ip[8], from, 16);
  std::memcpy(&ip[24], to, 16);
}

// The pseudo header's sum of an IPv6 packet.
std::uint32_t sum6(std::span<const std::uint8_t> ip) {
  FlowKey key;
  key.family = 6;
  std::memcpy(key.source, &ip[8], 16);
  std::memcpy(key.destination, &ip[24], 16);
  return pseudo_header_sum(key, ip[6], static_cast<std::uint32_t>(ip.size() - kIpv6Bytes));
}

}  // namespace

IpAddress gateway_address(Family family) {
  if (family == Family::V4) return IpAddress::v4(169, 254, 1, 1);
  IpAddress ip{{}, Family::V6};
  ip.bytes[0] = 0xfe;
  ip.bytes[1] = 0x80;
  ip.bytes[15] = 1;
  return ip;
}

void build_icmp_error(rte_mbuf* into, const Ends& ends, const IpAddress& from,
                      const std::uint8_t* frame, std::size_t l3_bytes, IcmpErrorText text) {
  const std::uint8_t* about = frame + kEthernetBytes;
  const bool is_v4 = from.family == Family::V4;
  const std::size_t ip_bytes = is_v4 ? kIpv4Bytes : kIpv6Bytes;
  const std::size_t most = (is_v4 ? 576 : 1280) - ip_bytes - kIcmpBytes;
  const std::size_t quoted = std::min(l3_bytes, most);
  const std::span<std::uint8_t> ip =
      start_frame(into, ends, is_v4 ? kEtherIpv4 : kEtherIpv6, ip_bytes + kIcmpBytes + quoted);
  const std::span<std::uint8_t> icmp = ip.subspan(ip_bytes);
  icmp[0] = text.type;
  icmp[1] = text.code;
  store32(&icmp[4], text.parameter);
  std::memcpy(&icmp[8], about, quoted);
  if (is_v4) {
    write_ipv4(ip, kIcmp, from.bytes.data(), about + 12);
    store(&icmp[2], checksum(icmp));
  } else {
    write_ipv6(ip, kIcmpV6, from.bytes.data(), about + 8, kOurHopLimit);
    store(&icmp[2], checksum_finish(checksum_add(sum6(ip), icmp)));
  }
}

bool build_echo_reply(rte_mbuf* into, const Ends& ends, const std::uint8_t* frame,
                      const PacketInfo& info, Family family) {
  const bool is_v4 = family == Family::V4;
  const std::size_t ip_bytes = is_v4 ? kIpv4Bytes : kIpv6Bytes;
  if (info.l3_bytes > kLargestEcho || info.l4_offset != kEthernetBytes + ip_bytes) return false;
  const std::uint8_t* asked = frame + kEthernetBytes;
  const std::span<std::uint8_t> ip =
      start_frame(into, ends, is_v4 ? kEtherIpv4 : kEtherIpv6, info.l3_bytes);
  const std::span<std::uint8_t> icmp = ip.subspan(ip_bytes);
  std::memcpy(icmp.data(), asked + ip_bytes, icmp.size());
  const std::size_t address_bytes = is_v4 ? 4 : 16;
  const std::uint8_t* from = asked + (is_v4 ? 16 : 24);
  const std::uint8_t* to = from - address_bytes;
  if (is_v4) {
    write_ipv4(ip, kIcmp, from, to);
    if (checksum(icmp) != 0) return false;
  } else {
    write_ipv6(ip, kIcmpV6, from, to, kOurHopLimit);
    if (checksum_finish(checksum_add(sum6(ip), icmp)) != 0) return false;
  }
  icmp[0] = is_v4 ? kEchoReply : kEchoReply6;
  store16(&icmp[2], 0);
  store(&icmp[2], checksum_finish(checksum_add(is_v4 ? 0 : sum6(ip), icmp)));
  return true;
}

void build_reset(rte_mbuf* into, const Ends& ends, const FlowKey& key, std::uint32_t sequence,
                 std::uint32_t acknowledgment) {
  const bool is_v4 = key.family == 4;
  const std::size_t ip_bytes = is_v4 ? kIpv4Bytes : kIpv6Bytes;
  const std::span<std::uint8_t> ip =
      start_frame(into, ends, is_v4 ? kEtherIpv4 : kEtherIpv6, ip_bytes + kTcpBytes);
  const std::span<std::uint8_t> tcp = ip.subspan(ip_bytes);
  store(&tcp[0], key.source_port);
  store(&tcp[2], key.destination_port);
  store32(&tcp[4], sequence);
  store32(&tcp[8], acknowledgment);
  tcp[12] = kTcpBytes / 4 << 4;
  tcp[13] = kTcpRst | kTcpAck;
  if (is_v4) {
    write_ipv4(ip, kTcp, key.source, key.destination);
  } else {
    write_ipv6(ip, kTcp, key.source, key.destination, kOurHopLimit);
  }
  store(&tcp[16], checksum_finish(checksum_add(pseudo_header_sum(key, kTcp, kTcpBytes), tcp)));
}

void build_arp_reply(rte_mbuf* into, const Ends& ends, const std::uint8_t* ip,
                     const std::uint8_t* asker_ip) {
  const std::span<std::uint8_t> arp = start_frame(into, ends, kEtherArp, 28);
  static constexpr std::uint8_t kHead[8] = {0, 1, 8, 0, 6, 4, 0, 2};
  std::memcpy(arp.data(), kHead, sizeof kHead);
  store(&arp[8], ends.source_mac);
  std::memcpy(&arp[14], ip, 4);
  store(&arp[18], ends.destination_mac);
  std::memcpy(&arp[24], asker_ip, 4);
}

void build_neighbour_advertisement(rte_mbuf* into, const Ends& ends, const std::uint8_t* ip,
                                   const std::uint8_t* asker_ip) {
  const std::span<std::uint8_t> packet = start_frame(into, ends, kEtherIpv6, kIpv6Bytes + 32);
  write_ipv6(packet, kIcmpV6, ip, asker_ip, 255);
  const std::span<std::uint8_t> icmp = packet.subspan(kIpv6Bytes);
  icmp[0] = kNeighbourAdvertisement;
  icmp[4] = 0xe0;  // router, solicited, override
  std::memcpy(&icmp[8], ip, 16);
  icmp[24] = 2;  // target link-layer address
  icmp[25] = 1;
  store(&icmp[26], ends.source_mac);
  store(&icmp[2], checksum_finish(checksum_add(sum6(packet), icmp)));
}

}  // namespace bulkhead::dataplane
