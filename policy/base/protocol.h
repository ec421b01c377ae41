// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bulkhead {

// IANA protocol numbers the data plane tracks. Policies with ports name TCP, UDP and SCTP only.
inline constexpr std::uint8_t kIcmp = 1;
inline constexpr std::uint8_t kTcp = 6;
inline constexpr std::uint8_t kUdp = 17;
inline constexpr std::uint8_t kIcmpV6 = 58;
inline constexpr std::uint8_t kSctp = 132;

[[nodiscard]] constexpr bool has_ports(std::uint8_t protocol) {
  return protocol == kTcp || protocol == kUdp || protocol == kSctp;
}

// "TCP", "UDP", "SCTP", "ICMP", "ICMPv6", else the number in decimal.
[[nodiscard]] std::string protocol_name(std::uint8_t protocol);

// The exact spellings of the Kubernetes API ("TCP", "UDP", "SCTP") and "ICMP", "ICMPv6".
[[nodiscard]] std::optional<std::uint8_t> protocol_number(std::string_view name);

}  // namespace bulkhead
