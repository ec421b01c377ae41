// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/fastpath/frames.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "dataplane/packet/checksum.h"
#include "policy/base/protocol.h"

namespace bulkhead::bench {

using namespace dataplane;

namespace {

constexpr std::size_t kFrameBytes = 60;  // 64 with the checksum a wire adds
constexpr std::uint16_t kServerPort = 53;

std::size_t ip_bytes_of(Family family) { return family == Family::V4 ? kIpv4Bytes : kIpv6Bytes; }

std::size_t frame_bytes_of(Family family, std::uint8_t protocol) {
  const std::size_t l4 = protocol == kTcp ? kTcpBytes : kUdpBytes;
  return std::max(kFrameBytes, kEthernetBytes + ip_bytes_of(family) + l4);
}

void write_ip(std::uint8_t* ip, Family family, std::uint8_t protocol, std::size_t l4_bytes,
              const IpAddress& source, const IpAddress& destination) {
  if (family == Family::V4) {
    ip[0] = 0x45;
    store16(ip + 2, static_cast<std::uint16_t>(kIpv4Bytes + l4_bytes));
    ip[8] = 64;
    ip[9] = protocol;
    std::memcpy(ip + 12, source.bytes.data(), 4);
    std::memcpy(ip + 16, destination.bytes.data(), 4);
    store(ip + 10, checksum({ip, kIpv4Bytes}));
  } else {
    ip[0] = 0x60;
    store16(ip + 4, static_cast<std::uint16_t>(l4_bytes));
    ip[6] = protocol;
    ip[7] = 64;
    std::memcpy(ip + 8, source.bytes.data(), 16);
    std::memcpy(ip + 24, destination.bytes.data(), 16);
  }
}

}  // namespace

MacAddress mac_of(std::uint32_t pod) {
  return {2, 0, 0, 0, static_cast<std::uint8_t>(pod >> 8), static_cast<std::uint8_t>(pod)};
}

IpAddress address_of(std::uint32_t pod, Family family) {
  const auto high = static_cast<std::uint8_t>(pod >> 8);
  const auto low = static_cast<std::uint8_t>(pod);
  if (family == Family::V4) return IpAddress::v4(10, 0, high, low);
  IpAddress ip{{}, Family::V6};
  ip.bytes[0] = 0xfd;
  ip.bytes[14] = high;
  ip.bytes[15] = low;
  return ip;
}

Tuple tuple_of(std::uint32_t n) {
  const std::uint32_t pair = n / 50'000;
  return {pair % kPods, (pair % kPods + 1 + pair / kPods) % kPods,
          static_cast<std::uint16_t>(10'000 + n % 50'000)};
}

std::uint32_t tcp_payload(Family family) {
  const std::size_t headers = kEthernetBytes + ip_bytes_of(family) + kTcpBytes;
  return static_cast<std::uint32_t>(frame_bytes_of(family, kTcp) - headers);
}

Frames::Frames() : bytes_(kBatchSize * kStride), mbufs_(kBatchSize) {
  for (std::size_t i = 0; i < kBatchSize; ++i) {
    rte_mbuf& mbuf = mbufs_[i];
    mbuf.buf_addr = &bytes_[i * kStride];
    mbuf.data_off = 128;
    mbuf.nb_segs = 1;
  }
}

void Frames::write(Batch& batch, std::size_t i, const Packet& packet, Family family) {
  Tuple tuple = tuple_of(packet.flow);
  std::uint16_t from_port = tuple.source_port;
  std::uint16_t to_port = kServerPort;
  if (packet.is_reply) {
    std::swap(tuple.source, tuple.destination);
    std::swap(from_port, to_port);
  }
  const std::size_t frame_bytes = frame_bytes_of(family, packet.protocol);
  rte_mbuf& mbuf = mbufs_[i];
  mbuf.data_len = static_cast<std::uint16_t>(frame_bytes);
  mbuf.pkt_len = mbuf.data_len;
  std::uint8_t* const frame = frame_of(&mbuf);
  std::memset(frame - kVnetHeaderBytes, 0, kVnetHeaderBytes + frame_bytes);
  store(frame, MacAddress{2, 0, 0, 0, 0xff, 0xff});
  store(frame + 6, mac_of(tuple.source));
  store16(frame + 12, family == Family::V4 ? kEtherIpv4 : kEtherIpv6);
  const std::size_t ip_bytes = ip_bytes_of(family);
  std::uint8_t* const ip = frame + kEthernetBytes;
  const std::size_t l4_bytes = frame_bytes - kEthernetBytes - ip_bytes;
  write_ip(ip, family, packet.protocol, l4_bytes, address_of(tuple.source, family),
           address_of(tuple.destination, family));
  std::uint8_t* const l4 = ip + ip_bytes;
  store16(l4, from_port);
  store16(l4 + 2, to_port);
  if (packet.protocol == kTcp) {
    store32(l4 + 4, packet.sequence);
    store32(l4 + 8, packet.acknowledgment);
    l4[12] = 5 << 4;
    l4[13] = packet.tcp_flags;
    store16(l4 + 14, 65535);
  } else {
    store16(l4 + 4, static_cast<std::uint16_t>(l4_bytes));
  }
  batch.mbuf[i] = &mbuf;
  batch.in_port[i] = PortId{kFirstPort + tuple.source};
}

}  // namespace bulkhead::bench
