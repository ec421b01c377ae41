// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "policy/base/byte_order.h"

// Numbers and field offsets of the headers we read, and the only two ways to touch their bytes.
namespace bulkhead::dataplane {

using MacAddress = std::array<std::uint8_t, 6>;

inline constexpr std::size_t kEthernetBytes = 14;
inline constexpr std::size_t kEthernetMinimum = 60;  // what senders pad short frames to
inline constexpr std::size_t kIpv4Bytes = 20;
inline constexpr std::size_t kIpv6Bytes = 40;
inline constexpr std::size_t kTcpBytes = 20;
inline constexpr std::size_t kUdpBytes = 8;
inline constexpr std::size_t kSctpBytes = 12;
inline constexpr std::size_t kIcmpBytes = 8;

inline constexpr std::uint16_t kEtherIpv4 = 0x0800;
inline constexpr std::uint16_t kEtherArp = 0x0806;
inline constexpr std::uint16_t kEtherIpv6 = 0x86dd;

inline constexpr std::uint8_t kTcpFin = 0x01;
inline constexpr std::uint8_t kTcpSyn = 0x02;
inline constexpr std::uint8_t kTcpRst = 0x04;
inline constexpr std::uint8_t kTcpPsh = 0x08;
inline constexpr std::uint8_t kTcpAck = 0x10;
inline constexpr std::uint8_t kTcpUrg = 0x20;

// ICMP (RFC 792) and ICMPv6 (RFC 4443, 4861, 3810) types.
inline constexpr std::uint8_t kEchoReply = 0;
inline constexpr std::uint8_t kUnreachable = 3;
inline constexpr std::uint8_t kRedirect = 5;
inline constexpr std::uint8_t kEchoRequest = 8;
inline constexpr std::uint8_t kTimeExceeded = 11;
inline constexpr std::uint8_t kParameterProblem = 12;
inline constexpr std::uint8_t kFragmentationNeededCode = 4;
inline constexpr std::uint8_t kUnreachable6 = 1;
inline constexpr std::uint8_t kPacketTooBig6 = 2;
inline constexpr std::uint8_t kTimeExceeded6 = 3;
inline constexpr std::uint8_t kParameterProblem6 = 4;
inline constexpr std::uint8_t kEchoRequest6 = 128;
inline constexpr std::uint8_t kEchoReply6 = 129;
inline constexpr std::uint8_t kMldQuery = 130;
inline constexpr std::uint8_t kMldDone = 132;
inline constexpr std::uint8_t kRouterSolicitation = 133;
inline constexpr std::uint8_t kRouterAdvertisement = 134;
inline constexpr std::uint8_t kNeighbourSolicitation = 135;
inline constexpr std::uint8_t kNeighbourAdvertisement = 136;
inline constexpr std::uint8_t kRedirect6 = 137;
inline constexpr std::uint8_t kMldReport2 = 143;

// struct virtio_net_hdr_mrg_rxbuf, host byte order as TAPs have it.
struct VnetHeader {
  std::uint8_t flags;
  std::uint8_t gso_type;
  std::uint16_t header_bytes;
  std::uint16_t gso_size;
  std::uint16_t checksum_start;
  std::uint16_t checksum_offset;
  std::uint16_t buffers;
};
static_assert(sizeof(VnetHeader) == 12);
inline constexpr std::uint8_t kVnetNeedsChecksum = 1;
inline constexpr std::uint8_t kVnetDataValid = 2;
inline constexpr std::uint8_t kVnetGsoNone = 0;
inline constexpr std::uint8_t kVnetGsoTcp4 = 1;
inline constexpr std::uint8_t kVnetGsoTcp6 = 4;
inline constexpr std::uint8_t kVnetGsoUdp = 5;  // UDP_L4; the old UFO (3) is refused
inline constexpr std::uint8_t kVnetGsoEcn = 0x80;

template <class T>
[[nodiscard]] inline T load(const std::uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}
template <class T>
inline void store(std::uint8_t* bytes, const T& value) {
  std::memcpy(bytes, &value, sizeof value);
}
[[nodiscard]] inline std::uint16_t load16(const std::uint8_t* bytes) {
  return load<Be16>(bytes).host();
}
[[nodiscard]] inline std::uint32_t load32(const std::uint8_t* bytes) {
  return load<Be32>(bytes).host();
}
inline void store16(std::uint8_t* bytes, std::uint16_t value) { store(bytes, Be16(value)); }
inline void store32(std::uint8_t* bytes, std::uint32_t value) { store(bytes, Be32(value)); }

// Without a branch, and without a copy: six bytes are a word and a half.
[[nodiscard]] inline bool is_mac(const std::uint8_t* bytes, const MacAddress& mac) {
  const std::uint32_t low = load<std::uint32_t>(bytes) ^ load<std::uint32_t>(mac.data());
  const auto high = static_cast<std::uint32_t>(load<std::uint16_t>(bytes + 4) ^
                                               load<std::uint16_t>(mac.data() + 4));
  return (low | high) == 0;
}

// The frame, Ethernet header first.
[[nodiscard]] inline std::uint8_t* frame_of(rte_mbuf* mbuf) {
  return static_cast<std::uint8_t*>(mbuf->buf_addr) + mbuf->data_off;
}

}  // namespace bulkhead::dataplane
