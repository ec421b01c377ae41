// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

namespace bulkhead::dataplane {

// Addresses that no routed packet may carry (RFC 6890, RFC 4291 section 2.5). `family` is 4 or 6;
// IPv4 is in the first four bytes.

[[nodiscard]] inline bool is_multicast(const std::uint8_t* address, std::uint8_t family) {
  return family == 4 ? (address[0] & 0xf0) == 0xe0 : address[0] == 0xff;
}

// Unspecified, loopback, reserved; in IPv6 also v4-mapped and v4-compatible, which would name an
// IPv4 host past every IPv4 rule.
[[nodiscard]] inline bool is_reserved(const std::uint8_t* address, std::uint8_t family) {
  if (family == 4) return address[0] == 0 || address[0] == 127 || address[0] >= 240;
  std::uint64_t high = 0;
  std::memcpy(&high, address, 8);
  if (high != 0 || address[8] != 0 || address[9] != 0) return false;
  // ::/96 holds ::, ::1 and the v4-compatible ones; ::ffff:0:0/96 the v4-mapped.
  return (address[10] == 0 && address[11] == 0) || (address[10] == 0xff && address[11] == 0xff);
}

[[nodiscard]] inline bool is_unspecified(const std::uint8_t* address) {
  static constexpr std::uint8_t kZeros[16] = {};
  return std::memcmp(address, kZeros, 16) == 0;
}

[[nodiscard]] inline bool is_link_local6(const std::uint8_t* address) {
  return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

}  // namespace bulkhead::dataplane
