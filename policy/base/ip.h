// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "policy/base/result.h"

namespace bulkhead {

enum class Family : std::uint8_t { V4 = 4, V6 = 6 };

[[nodiscard]] constexpr unsigned bits_of(Family family) { return family == Family::V4 ? 32 : 128; }
[[nodiscard]] constexpr std::string_view name_of(Family family) {
  return family == Family::V4 ? "IPv4" : "IPv6";
}

// An address of either family in network byte order. IPv4 occupies the first four bytes, the rest
// is zero. The family is part of equality: no IPv6 address ever equals an IPv4 one (law 8).
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  Family family = Family::V4;

  [[nodiscard]] static constexpr IpAddress v4(std::uint8_t a, std::uint8_t b, std::uint8_t c,
                                              std::uint8_t d) {
    return {{a, b, c, d}, Family::V4};
  }
  [[nodiscard]] static IpAddress v4_from_wire(const void* four_bytes) {
    IpAddress ip;
    std::memcpy(ip.bytes.data(), four_bytes, 4);
    return ip;
  }
  [[nodiscard]] static IpAddress v6_from_wire(const void* sixteen_bytes) {
    IpAddress ip{{}, Family::V6};
    std::memcpy(ip.bytes.data(), sixteen_bytes, 16);
    return ip;
  }

  // Strict text forms only: "10.0.0.1", "fd00::1". No zone, no port, no leading zeros in IPv4.
  [[nodiscard]] static Result<IpAddress> parse(std::string_view text);
  [[nodiscard]] std::string text() const;

  [[nodiscard]] constexpr unsigned bits() const { return bits_of(family); }
  [[nodiscard]] constexpr std::size_t size() const { return bits() / 8; }

  friend constexpr bool operator==(const IpAddress&, const IpAddress&) = default;
  friend constexpr auto operator<=>(const IpAddress& a, const IpAddress& b) {
    if (a.family != b.family) return a.family <=> b.family;
    return a.bytes <=> b.bytes;
  }
};

// A CIDR block, always canonical: the bits after `length` are zero.
class Prefix {
 public:
  constexpr Prefix() = default;

  // Fails when length exceeds the family's bits; host bits are cleared.
  [[nodiscard]] static Result<Prefix> make(const IpAddress& address, unsigned length);
  [[nodiscard]] static Prefix host(const IpAddress& address);

  struct Parsed;
  // "10.0.0.0/8", "fd00::/8". Accepts host bits set, as the Kubernetes API always has, and says so.
  [[nodiscard]] static Result<Parsed> parse(std::string_view text);

  [[nodiscard]] const IpAddress& address() const { return address_; }
  [[nodiscard]] Family family() const { return address_.family; }
  [[nodiscard]] unsigned length() const { return length_; }
  [[nodiscard]] std::string text() const;

  // False across families, whatever the lengths.
  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] bool contains(const Prefix& other) const;

  friend constexpr bool operator==(const Prefix&, const Prefix&) = default;
  friend constexpr auto operator<=>(const Prefix&, const Prefix&) = default;

 private:
  IpAddress address_{};
  unsigned length_ = 0;
};

struct Prefix::Parsed {
  Prefix prefix;
  bool had_host_bits = false;
};

}  // namespace bulkhead

template <>
struct std::hash<bulkhead::IpAddress> {
  std::size_t operator()(const bulkhead::IpAddress& ip) const {
    return std::hash<std::string_view>{}(
        {reinterpret_cast<const char*>(ip.bytes.data()), ip.size()});
  }
};
