// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "dataplane/packet/wire.h"
#include "policy/base/drop_reason.h"
#include "policy/base/ip.h"

namespace bulkhead::dataplane {

// Who asks, as far as ARP and neighbour discovery care.
struct Asker {
  MacAddress mac{};
  std::span<const IpAddress> addresses;
  bool is_pod = true;  // a pod may speak for its own addresses only
};

// What to do about an ARP or neighbour discovery packet: drop it (reason), swallow it, or answer
// that `target` is here. Every address but the asker's own is: the gateway and, as proxy, all
// others.
struct NeighbourAnswer {
  DropReason reason = DropReason::None;
  bool answers = false;
  const std::uint8_t* target = nullptr;    // inside the frame
  const std::uint8_t* asker_ip = nullptr;  // inside the frame
};

[[nodiscard]] NeighbourAnswer answer_arp(std::span<const std::uint8_t> frame, const Asker& asker);

// `icmp`: from the ICMPv6 header to the end; the IPv6 header is at its usual place in the frame.
[[nodiscard]] NeighbourAnswer answer_neighbour(std::span<const std::uint8_t> frame,
                                               std::size_t icmp_offset, const Asker& asker);

}  // namespace bulkhead::dataplane
