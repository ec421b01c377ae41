// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/packet/batch.h"
#include "dataplane/packet/wire.h"

namespace bulkhead::dataplane {

// Reads every live packet once, bounded, into key, info and (for ICMP errors) outer_source, or
// drops it with a reason. Trims Ethernet padding. Nobody reads raw headers after it.
//
// What passes: untagged Ethernet II of ARP, of IPv4 without options, and of IPv6 without extension
// headers but one fragment header, carrying TCP, UDP, SCTP, ICMP or ICMPv6. A hop-by-hop header is
// accepted before MLD only (which is never forwarded); destination options, routing, AH and all
// others are dropped: no workload needs them, and each hides the transport header from somebody.
void parse(Batch& batch);

}  // namespace bulkhead::dataplane
