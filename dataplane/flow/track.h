// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/flow/table.h"
#include "dataplane/flow/tcp.h"
#include "dataplane/packet/batch.h"
#include "policy/base/protocol.h"

namespace bulkhead::dataplane {

[[nodiscard]] inline TcpSegment segment_of(const PacketInfo& info) {
  return {info.tcp_sequence, info.tcp_acknowledgment, info.payload_bytes,
          info.tcp_window,   info.tcp_flags,          info.window_scale};
}

// The age class that a flow's protocol, state and flags put it in.
[[nodiscard]] AgeClass class_of(const Flow& flow);

// What a packet of a known flow does to it: TCP state and window, assurance, FIFO, last_seen. The
// answer is None, the reason to drop the packet (the flow is unchanged), or `reopens`: the flow is
// finished and the packet starts another one.
struct Tracked {
  DropReason reason = DropReason::None;
  bool reopens = false;
};
[[nodiscard]] Tracked track_packet(FlowTable& table, std::uint32_t slot, bool is_reply,
                                   const PacketInfo& info, Now now);

// A segment in the window of an open connection, without SYN, FIN or RST: moves the windows. Else
// false, and nothing is changed. A call of its own: inlined into its caller's loop it runs out of
// registers.
[[nodiscard]] bool tcp_goes_on(Flow& flow, bool is_reply, const PacketInfo& info);

// The straight way of nearly every packet: an assured flow goes on, its FIFO and state stay. False,
// and nothing is changed, when track_packet() has to look closer. Not marked as being written: each
// of these words is right whether the others were stored or not.
[[nodiscard]] inline bool goes_on(Flow& flow, bool is_reply, const PacketInfo& info, Now now) {
  if (!flow.is_assured()) return false;
  if (flow.key.protocol == kTcp && !tcp_goes_on(flow, is_reply, info)) return false;
  flow.last_seen_ms = milliseconds(now);
  return true;
}

// The same answer without touching the flow: for a packet whose flow policy has to judge first.
[[nodiscard]] Tracked try_packet(const Flow& flow, bool is_reply, const PacketInfo& info);

// The protocol state of a flow just inserted for this packet.
void begin_flow(FlowTable& table, std::uint32_t slot, const PacketInfo& info);

// Whether this packet may start a flow at all. `picks_up`: within the grace after a cold start.
[[nodiscard]] DropReason may_begin(const FlowKey& key, const PacketInfo& info, bool picks_up);

}  // namespace bulkhead::dataplane
