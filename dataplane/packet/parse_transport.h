// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "dataplane/packet/batch.h"
#include "dataplane/packet/wire.h"

namespace bulkhead::dataplane {

struct TransportResult {
  DropReason reason = DropReason::None;
  std::size_t header_bytes = 0;
};

// `l4`: what this packet holds from the transport header on. key has family, protocol and
// addresses, info has fragment. Fills ports, kind and the transport fields; for an ICMP error
// replaces the key by the embedded packet's.
[[nodiscard]] TransportResult parse_transport(std::span<const std::uint8_t> l4, FlowKey& key,
                                              PacketInfo& info);

// True for protocols that wrap another packet or hide it (IP-in-IP, 6in4, GRE, ESP, AH, ...): a
// policy cannot see what is inside, so nothing of the kind is forwarded. VXLAN and Geneve are UDP
// and judged as such.
[[nodiscard]] bool is_tunnel(std::uint8_t protocol);

}  // namespace bulkhead::dataplane
