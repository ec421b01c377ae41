// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "dataplane/packet/batch.h"
#include "dataplane/packet/buffers.h"
#include "dataplane/packet/checksum.h"
#include "dataplane/packet/wire.h"
#include "policy/base/ip.h"
#include "policy/base/protocol.h"

namespace bulkhead::dataplane::testing {

using Bytes = std::vector<std::uint8_t>;

inline IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

// Byte by byte: GCC 12 warns of bounds that vector::insert keeps.
inline void append(Bytes& to, const Bytes& more) {
  to.reserve(to.size() + more.size());
  for (const std::uint8_t byte : more) to.push_back(byte);
}

// Frames as a pod would write them, valid unless told otherwise:
//   PacketBuilder(web, db).tcp(4000, 5432, kTcpSyn).scale(7).frame()
class PacketBuilder {
 public:
  PacketBuilder(const IpAddress& source, const IpAddress& destination)
      : source_(source), destination_(destination) {}
  PacketBuilder(std::string_view source, std::string_view destination)
      : PacketBuilder(ip(source), ip(destination)) {}

  PacketBuilder& macs(const MacAddress& source, const MacAddress& destination) {
    source_mac_ = source;
    destination_mac_ = destination;
    return *this;
  }
  PacketBuilder& tcp(std::uint16_t from, std::uint16_t to, std::uint8_t flags,
                     std::uint32_t sequence = 0, std::uint32_t acknowledgment = 0,
                     std::uint16_t window = 65535) {
    protocol_ = kTcp;
    l4_.assign(kTcpBytes, 0);
    store16(&l4_[0], from);
    store16(&l4_[2], to);
    store32(&l4_[4], sequence);
    store32(&l4_[8], acknowledgment);
    l4_[12] = 5 << 4;
    l4_[13] = flags;
    store16(&l4_[14], window);
    return *this;
  }
  // Window scale option; right after tcp().
  PacketBuilder& scale(std::uint8_t shift) {
    append(l4_, {1, 3, 3, shift});
    l4_[12] = 6 << 4;
    return *this;
  }
  PacketBuilder& udp(std::uint16_t from, std::uint16_t to) {
    protocol_ = kUdp;
    l4_.assign(kUdpBytes, 0);
    store16(&l4_[0], from);
    store16(&l4_[2], to);
    return *this;
  }
  PacketBuilder& sctp(std::uint16_t from, std::uint16_t to) {
    protocol_ = kSctp;
    l4_.assign(kSctpBytes + 4, 0);
    store16(&l4_[0], from);
    store16(&l4_[2], to);
    return *this;
  }
  PacketBuilder& icmp(std::uint8_t type, std::uint8_t code = 0, std::uint32_t rest = 0) {
    protocol_ = is_v4() ? kIcmp : kIcmpV6;
    l4_.assign(kIcmpBytes, 0);
    l4_[0] = type;
    l4_[1] = code;
    store32(&l4_[4], rest);
    return *this;
  }
  PacketBuilder& ping(std::uint16_t id) {
    return icmp(is_v4() ? kEchoRequest : kEchoRequest6, 0, std::uint32_t{id} << 16);
  }
  PacketBuilder& pong(std::uint16_t id) {
    return icmp(is_v4() ? kEchoReply : kEchoReply6, 0, std::uint32_t{id} << 16);
  }
  // Any protocol, any bytes.
  PacketBuilder& raw(std::uint8_t protocol, Bytes l4) {
    protocol_ = protocol;
    l4_ = std::move(l4);
    return *this;
  }
  PacketBuilder& payload(std::size_t bytes) {
    l4_.resize(l4_.size() + bytes, 0xab);
    return *this;
  }
  PacketBuilder& quote(const Bytes& l3) {
    append(l4_, l3);
    return *this;
  }
  PacketBuilder& hop_limit(std::uint8_t hops) {
    hop_limit_ = hops;
    return *this;
  }
  // Keeps only [offset, offset + bytes) of the transport part, as one fragment.
  PacketBuilder& fragment(std::uint32_t id, std::size_t offset, std::size_t bytes, bool more) {
    is_fragment_ = true;
    id_ = id;
    offset_ = offset;
    fragment_bytes_ = bytes;
    more_ = more;
    return *this;
  }
  // IPv6 extension header of 8 bytes before the transport header.
  PacketBuilder& extension(std::uint8_t kind) {
    extension_ = kind;
    return *this;
  }

  // The IP packet.
  [[nodiscard]] Bytes l3() const {
    Bytes l4 = l4_;
    if (protocol_ == kUdp) store16(&l4[4], static_cast<std::uint16_t>(l4.size()));
    fill_checksum(l4);
    if (is_fragment_) {
      l4 = Bytes(l4.begin() + static_cast<std::ptrdiff_t>(offset_),
                 l4.begin() + static_cast<std::ptrdiff_t>(offset_ + fragment_bytes_));
    }
    Bytes packet = is_v4() ? ipv4(l4.size()) : ipv6(l4.size());
    append(packet, l4);
    return packet;
  }
  [[nodiscard]] Bytes frame() const {
    const Bytes packet = l3();
    Bytes frame(kEthernetBytes + packet.size());
    store(&frame[0], destination_mac_);
    store(&frame[6], source_mac_);
    store16(&frame[12], is_v4() ? kEtherIpv4 : kEtherIpv6);
    std::copy(packet.begin(), packet.end(), &frame[kEthernetBytes]);
    return frame;
  }

 private:
  [[nodiscard]] bool is_v4() const { return source_.family == Family::V4; }

  void fill_checksum(Bytes& l4) const {
    std::size_t at = 0;
    switch (protocol_) {
      case kTcp:
        at = 16;
        break;
      case kUdp:
        at = 6;
        break;
      case kIcmp:
      case kIcmpV6:
        at = 2;
        break;
      default:
        return;
    }
    if (l4.size() < at + 2) return;
    FlowKey key;
    key.family = static_cast<std::uint8_t>(source_.family);
    std::memcpy(key.source, source_.bytes.data(), 16);
    std::memcpy(key.destination, destination_.bytes.data(), 16);
    const auto bytes = static_cast<std::uint32_t>(l4.size());
    const std::uint32_t pseudo = protocol_ == kIcmp ? 0 : pseudo_header_sum(key, protocol_, bytes);
    store16(&l4[at], 0);
    store(&l4[at], checksum_finish(checksum_add(pseudo, l4)));
  }
  [[nodiscard]] Bytes ipv4(std::size_t l4_bytes) const {
    Bytes header(kIpv4Bytes);
    header[0] = 0x45;
    store16(&header[2], static_cast<std::uint16_t>(kIpv4Bytes + l4_bytes));
    store16(&header[4], static_cast<std::uint16_t>(id_));
    store16(&header[6],
            static_cast<std::uint16_t>(is_fragment_ ? (more_ ? 0x2000 : 0) | offset_ / 8 : 0x4000));
    header[8] = hop_limit_;
    header[9] = protocol_;
    std::memcpy(&header[12], source_.bytes.data(), 4);
    std::memcpy(&header[16], destination_.bytes.data(), 4);
    store(&header[10], checksum(header));
    return header;
  }
  [[nodiscard]] Bytes ipv6(std::size_t l4_bytes) const {
    const std::size_t extensions = (is_fragment_ ? 8u : 0u) + (extension_ != 255 ? 8u : 0u);
    Bytes header(kIpv6Bytes);
    header[0] = 0x60;
    store16(&header[4], static_cast<std::uint16_t>(extensions + l4_bytes));
    header[6] = extension_ != 255 ? extension_ : is_fragment_ ? std::uint8_t{44} : protocol_;
    header[7] = hop_limit_;
    std::memcpy(&header[8], source_.bytes.data(), 16);
    std::memcpy(&header[24], destination_.bytes.data(), 16);
    if (extension_ != 255) {
      append(header, {is_fragment_ ? std::uint8_t{44} : protocol_, 0, 1, 4, 0, 0, 0, 0});
    }
    if (is_fragment_) {
      Bytes field(8);
      field[0] = protocol_;
      store16(&field[2], static_cast<std::uint16_t>(offset_ | (more_ ? 1 : 0)));
      store32(&field[4], id_);
      append(header, field);
    }
    return header;
  }

  IpAddress source_;
  IpAddress destination_;
  MacAddress source_mac_{2, 0, 0, 0, 0, 1};
  MacAddress destination_mac_{2, 0, 0, 0, 0, 0xff};
  std::uint8_t protocol_ = kUdp;
  Bytes l4_;
  std::uint8_t hop_limit_ = 64;
  std::uint8_t extension_ = 255;
  bool is_fragment_ = false;
  bool more_ = false;
  std::uint32_t id_ = 0;
  std::size_t offset_ = 0;
  std::size_t fragment_bytes_ = 0;
};

// rte_mbufs on plain memory: no EAL, no pool. Owns what it hands out.
class PlainBuffers : public BufferSource {
 public:
  static constexpr std::size_t kRoom = 70000;
  static constexpr std::uint16_t kHeadroom = 128;

  [[nodiscard]] rte_mbuf* take() override {
    ++taken_;
    Buffer& buffer = *buffers_.emplace_back(std::make_unique<Buffer>());
    buffer.bytes.resize(kHeadroom + kRoom);
    buffer.mbuf.buf_addr = buffer.bytes.data();
    buffer.mbuf.data_off = kHeadroom;
    buffer.mbuf.buf_len = 0xffff;
    buffer.mbuf.nb_segs = 1;
    return &buffer.mbuf;
  }
  void give_back(rte_mbuf* /*buffer*/) override { --taken_; }

  [[nodiscard]] rte_mbuf* with(const Bytes& frame, const VnetHeader& vnet = {}) {
    rte_mbuf* const mbuf = take();
    --taken_;
    mbuf->data_len = static_cast<std::uint16_t>(frame.size());
    mbuf->pkt_len = mbuf->data_len;
    std::memcpy(frame_of(mbuf), frame.data(), frame.size());
    store(frame_of(mbuf) - kVnetHeaderBytes, vnet);
    return mbuf;
  }
  [[nodiscard]] std::size_t taken() const { return taken_; }

 private:
  struct Buffer {
    rte_mbuf mbuf{};
    Bytes bytes;
  };
  std::vector<std::unique_ptr<Buffer>> buffers_;
  std::size_t taken_ = 0;
};

[[nodiscard]] inline Bytes bytes_of(rte_mbuf* mbuf) {
  return {frame_of(mbuf), frame_of(mbuf) + mbuf->data_len};
}

}  // namespace bulkhead::dataplane::testing
