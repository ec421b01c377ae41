// SPDX-License-Identifier: Apache-2.0
#include "policy/base/protocol.h"

#include <array>
#include <utility>

namespace bulkhead {
namespace {

constexpr std::array<std::pair<std::uint8_t, std::string_view>, 5> kNames{{
    {kTcp, "TCP"},
    {kUdp, "UDP"},
    {kSctp, "SCTP"},
    {kIcmp, "ICMP"},
    {kIcmpV6, "ICMPv6"},
}};

}  // namespace

std::string protocol_name(std::uint8_t protocol) {
  for (const auto& [number, name] : kNames) {
    if (number == protocol) return std::string(name);
  }
  return std::to_string(protocol);
}

std::optional<std::uint8_t> protocol_number(std::string_view wanted) {
  for (const auto& [number, name] : kNames) {
    if (name == wanted) return number;
  }
  return std::nullopt;
}

}  // namespace bulkhead
