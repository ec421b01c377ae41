// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/packet/batch.h"
#include "dataplane/packet/wire.h"
#include "policy/base/ip.h"

// Packets we write ourselves, each into an empty buffer (BufferSource), whole: vnet header,
// Ethernet, checksums.
namespace bulkhead::dataplane {

// The gateway every pod has: 169.254.1.1 and fe80::1.
[[nodiscard]] IpAddress gateway_address(Family family);

struct Ends {
  MacAddress source_mac{};
  MacAddress destination_mac{};
};

// An ICMP or ICMPv6 error about `frame` (its first `l3_bytes` after Ethernet), to its sender.
// `parameter` is the MTU where the type has one. Quotes what RFC 1812 and RFC 4443 allow.
struct IcmpErrorText {
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::uint32_t parameter = 0;
};
void build_icmp_error(rte_mbuf* into, const Ends& ends, const IpAddress& from,
                      const std::uint8_t* frame, std::size_t l3_bytes, IcmpErrorText text);

// The answer to an echo request: the frame with its ends swapped. False when it does not fit or its
// checksum is wrong.
[[nodiscard]] bool build_echo_reply(rte_mbuf* into, const Ends& ends, const std::uint8_t* frame,
                                    const PacketInfo& info, Family family);

// A TCP segment with RST and ACK, from and to the ends of `key`.
void build_reset(rte_mbuf* into, const Ends& ends, const FlowKey& key, std::uint32_t sequence,
                 std::uint32_t acknowledgment);

// "`ip` is at ends.source_mac", to the asker.
void build_arp_reply(rte_mbuf* into, const Ends& ends, const std::uint8_t* ip,
                     const std::uint8_t* asker_ip);
void build_neighbour_advertisement(rte_mbuf* into, const Ends& ends, const std::uint8_t* ip,
                                   const std::uint8_t* asker_ip);

}  // namespace bulkhead::dataplane
