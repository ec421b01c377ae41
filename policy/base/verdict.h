// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace bulkhead {

// Zero is Deny: a verdict is born drop (law 1).
enum class Verdict : std::uint8_t { Deny = 0, Allow = 1 };

[[nodiscard]] constexpr std::string_view name_of(Verdict verdict) {
  return verdict == Verdict::Allow ? "allow" : "deny";
}

// Seen from the pod a policy selects.
enum class Direction : std::uint8_t { Egress = 0, Ingress = 1 };
inline constexpr Direction kDirections[] = {Direction::Egress, Direction::Ingress};

[[nodiscard]] constexpr std::string_view name_of(Direction direction) {
  return direction == Direction::Egress ? "egress" : "ingress";
}

}  // namespace bulkhead
