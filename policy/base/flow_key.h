// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

#include "policy/base/byte_order.h"
#include "policy/base/ip.h"

namespace bulkhead {

// What a packet is, once parsed: 40 bytes, no padding, compared and hashed as bytes.
// ICMP echo carries its identifier in both ports. Addresses keep IpAddress's layout (IPv4 in the
// first four bytes), so `family` is what tells ::/96 from IPv4 and is part of every key.
struct FlowKey {
  std::uint16_t realm = 0;  // networks with overlapping addresses, later; 0 for now
  std::uint8_t family = 0;  // 4 or 6; 0 is "not parsed"
  std::uint8_t protocol = 0;
  Be16 source_port;
  Be16 destination_port;
  std::uint8_t source[16] = {};
  std::uint8_t destination[16] = {};

  [[nodiscard]] IpAddress source_ip() const { return address(source); }
  [[nodiscard]] IpAddress destination_ip() const { return address(destination); }

  [[nodiscard]] FlowKey reversed() const {
    FlowKey key = *this;
    key.source_port = destination_port;
    key.destination_port = source_port;
    std::memcpy(key.source, destination, sizeof source);
    std::memcpy(key.destination, source, sizeof destination);
    return key;
  }

  friend bool operator==(const FlowKey& a, const FlowKey& b) {
    return std::memcmp(&a, &b, sizeof(FlowKey)) == 0;
  }

 private:
  [[nodiscard]] IpAddress address(const std::uint8_t* bytes) const {
    IpAddress ip;
    std::memcpy(ip.bytes.data(), bytes, 16);
    ip.family = family == 4 ? Family::V4 : Family::V6;
    return ip;
  }
};
static_assert(sizeof(FlowKey) == 40);

}  // namespace bulkhead
