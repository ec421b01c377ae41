// SPDX-License-Identifier: Apache-2.0
#include "tests/property/dataplane/receiver.h"

#include <fmt/format.h>

#include <span>

namespace bulkhead::dataplane::testing {
namespace {

using View = std::span<const std::uint8_t>;

std::uint16_t number16(View bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

bool is_icmp(std::uint8_t protocol) { return protocol == 1 || protocol == 58; }

bool is_icmp_error(std::uint8_t protocol, std::uint8_t type) {
  return protocol == 1 ? type == 3 || type == 4 || type == 5 || type == 11 || type == 12
                       : protocol == 58 && type < 128;
}

std::optional<Received> receive_ip(View ip, bool may_be_cut);

bool read_transport(View l4, Received& got, bool may_be_cut) {
  Tuple& tuple = got.tuple;
  if (is_icmp(tuple.protocol)) {
    if (l4.size() < 8) return false;
    if (is_icmp_error(tuple.protocol, l4[0])) {
      const auto inner = may_be_cut ? std::nullopt : receive_ip(l4.subspan(8), true);
      if (!inner) return false;
      got.about = inner->tuple;
      return true;
    }
    tuple.source_port = number16(l4, 4);
    tuple.destination_port = l4[0];
    return true;
  }
  if (l4.size() < 8) return false;
  tuple.source_port = number16(l4, 0);
  tuple.destination_port = number16(l4, 2);
  if (tuple.protocol == 6 && l4.size() > 13) got.tcp_flags = l4[13];
  return may_be_cut || tuple.protocol != 6 || l4.size() >= 20;
}

std::optional<Received> finish(View ip, std::size_t at, std::size_t end, bool more, bool may_be_cut,
                               Received got) {
  got.transport_offset = 14 + at;
  got.fragment_bytes = end - at;
  got.is_later_fragment = got.fragment_offset != 0;
  got.is_first_fragment = !got.is_later_fragment && more;
  got.is_last_fragment = got.is_later_fragment && !more;
  if (got.is_later_fragment) return got;
  if (!read_transport(ip.subspan(at, end - at), got, may_be_cut)) return {};
  return got;
}

std::optional<Received> receive_ipv4(View ip, bool may_be_cut) {
  if (ip.size() < 20) return {};
  const std::size_t header = (ip[0] & 15u) * 4;
  const std::size_t total = number16(ip, 2);
  if (header < 20 || ip.size() < header || total < header) return {};
  if (!may_be_cut && (total > ip.size() || checksum(ip.first(header)) != 0)) return {};
  Received got;
  got.tuple.source = IpAddress::v4_from_wire(&ip[12]);
  got.tuple.destination = IpAddress::v4_from_wire(&ip[16]);
  got.tuple.protocol = ip[9];
  got.fragment_id = number16(ip, 4);
  got.fragment_offset = (number16(ip, 6) & 0x1fffu) * 8;
  const bool more = (number16(ip, 6) & 0x2000) != 0;
  return finish(ip, header, std::min(total, ip.size()), more, may_be_cut, got);
}

std::optional<Received> receive_ipv6(View ip, bool may_be_cut) {
  if (ip.size() < 40) return {};
  const std::size_t total = 40u + number16(ip, 4);
  if (!may_be_cut && total > ip.size()) return {};
  const std::size_t end = std::min(total, ip.size());
  Received got;
  got.tuple.source = IpAddress::v6_from_wire(&ip[8]);
  got.tuple.destination = IpAddress::v6_from_wire(&ip[24]);
  std::uint8_t next = ip[6];
  std::size_t at = 40;
  bool more = false;
  while (next == 0 || next == 43 || next == 44 || next == 60) {
    if (at + 8 > end) return {};
    if (next == 44) {
      got.fragment_offset = number16(ip, at + 2) & 0xfff8u;
      more = (ip[at + 3] & 1) != 0;
      got.fragment_id = std::uint32_t{number16(ip, at + 4)} << 16 | number16(ip, at + 6);
    }
    const std::size_t length = next == 44 ? 8 : 8 + ip[at + 1] * 8u;
    next = ip[at];
    at += length;
    if (got.fragment_offset != 0) break;
  }
  if (at > end) return {};
  got.tuple.protocol = next;
  return finish(ip, at, end, more, may_be_cut, got);
}

std::optional<Received> receive_ip(View ip, bool may_be_cut) {
  if (ip.empty()) return {};
  if (ip[0] >> 4 == 4) return receive_ipv4(ip, may_be_cut);
  if (ip[0] >> 4 == 6) return receive_ipv6(ip, may_be_cut);
  return {};
}

}  // namespace

Tuple Tuple::reversed() const {
  if (!is_icmp(protocol)) return {destination, source, protocol, destination_port, source_port};
  // A reply (0, 129) belongs to a request (8, 128) with the same identifier.
  const bool is_request = destination_port == 8 || destination_port == 128;
  const std::uint16_t reply = protocol == 1 ? 0 : 129;
  const std::uint16_t request = protocol == 1 ? 8 : 128;
  return {destination, source, protocol, source_port, is_request ? reply : request};
}

std::string Tuple::text() const {
  return fmt::format("{} {}/{} -> {}/{}", protocol, source.text(), source_port, destination.text(),
                     destination_port);
}

std::optional<Received> receive(const Bytes& frame) {
  if (frame.size() < 14) return {};
  const View bytes(frame);
  const std::uint16_t type = number16(bytes, 12);
  const View ip = bytes.subspan(14);
  if (type == 0x0800 && !ip.empty() && ip[0] >> 4 == 4) return receive_ip(ip, false);
  if (type == 0x86dd && !ip.empty() && ip[0] >> 4 == 6) return receive_ip(ip, false);
  return {};
}

bool complete_checksum(Bytes& frame, const VnetHeader& vnet) {
  if ((vnet.flags & kVnetNeedsChecksum) == 0) return vnet.flags == 0 && vnet.gso_type == 0;
  const std::size_t start = vnet.checksum_start;
  const std::size_t field = start + vnet.checksum_offset;
  if (start >= frame.size() || field + 2 > frame.size()) return false;
  // Any value will do to see what it overwrites.
  frame[field] = 0xde;
  frame[field + 1] = 0xad;
  return true;
}

}  // namespace bulkhead::dataplane::testing
