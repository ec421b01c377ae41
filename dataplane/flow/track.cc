// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow/track.h"

#include "dataplane/flow/tcp_window.h"
#include "dataplane/packet/wire.h"
#include "policy/base/protocol.h"

namespace bulkhead::dataplane {
namespace {

AgeClass class_of_tcp(const Flow& flow) {
  switch (flow.tcp_state) {
    case TcpState::None:
    case TcpState::SynSent:
    case TcpState::SynReceived:
      return AgeClass::Unassured;
    case TcpState::Established:
      return flow.is_assured() ? AgeClass::TcpOpen : AgeClass::Unassured;
    case TcpState::HalfClosed:
      return flow.is_assured() ? AgeClass::TcpHalfClosed : AgeClass::Unassured;
    case TcpState::Closed:
    case TcpState::Reset:
      return AgeClass::TcpClosed;
  }
  return AgeClass::Unassured;
}

Tracked answer_of(TcpVerdict verdict) {
  switch (verdict) {
    case TcpVerdict::Pass:
      return {};
    case TcpVerdict::Reopen:
      return {DropReason::None, true};
    case TcpVerdict::OutOfWindow:
      return {DropReason::TcpOutOfWindow};
    case TcpVerdict::BadState:
      break;
  }
  return {DropReason::TcpBadState};
}

}  // namespace

AgeClass class_of(const Flow& flow) {
  if (flow.key.protocol == kTcp) return class_of_tcp(flow);
  if (!flow.is_assured()) return AgeClass::Unassured;
  if (flow.key.protocol == kUdp) return AgeClass::Udp;
  if (flow.key.protocol == kSctp) return AgeClass::Sctp;
  return AgeClass::Icmp;
}

bool tcp_goes_on(Flow& flow, bool is_reply, const PacketInfo& info) {
  const bool is_plain = (info.tcp_flags & (kTcpSyn | kTcpFin | kTcpRst)) == 0;
  if (!is_plain || flow.tcp_state != TcpState::Established) return false;
  const TcpSegment segment = segment_of(info);
  TcpSide& sender = flow.tcp[is_reply];
  TcpSide& receiver = flow.tcp[!is_reply];
  if (!is_in_window(sender, receiver, segment)) return false;
  advance(sender, receiver, segment);
  return true;
}

Tracked track_packet(FlowTable& table, std::uint32_t slot, bool is_reply, const PacketInfo& info,
                     Now now) {
  Flow& flow = table[slot];
  Writing writing(flow);
  if (flow.key.protocol == kTcp) {
    const TcpVerdict verdict = track_tcp(flow, is_reply, segment_of(info));
    if (verdict != TcpVerdict::Pass) return answer_of(verdict);
    // The originator's ACK of the SYN+ACK, or (picked up) a sign of life from the responder.
    const bool is_open = flow.tcp_state >= TcpState::Established &&
                         flow.tcp_state <= TcpState::Closed && (flow.flags & Flow::kPickedUp) == 0;
    if (is_open) flow.flags |= Flow::kAssured;
  } else if (is_reply) {
    flow.flags |= Flow::kAssured;
  }
  flow.last_seen_ms = milliseconds(now);
  const AgeClass age_class = class_of(flow);
  if (age_class != flow.age_class) [[unlikely]] {
    table.move_to(slot, age_class, flow.last_seen_ms);
  }
  return {};
}

Tracked try_packet(const Flow& flow, bool is_reply, const PacketInfo& info) {
  if (flow.key.protocol != kTcp) return {};
  Flow copy = flow;
  return answer_of(track_tcp(copy, is_reply, segment_of(info)));
}

void begin_flow(FlowTable& table, std::uint32_t slot, const PacketInfo& info) {
  Flow& flow = table[slot];
  if (flow.key.protocol != kTcp) return;
  Writing writing(flow);
  if ((info.tcp_flags & kTcpSyn) != 0) {
    open_tcp(flow, segment_of(info));
  } else {
    pick_up_tcp(flow, segment_of(info));
  }
}

DropReason may_begin(const FlowKey& key, const PacketInfo& info, bool picks_up) {
  if (key.protocol == kTcp) {
    const std::uint8_t flags = info.tcp_flags & (kTcpSyn | kTcpAck | kTcpRst | kTcpFin);
    if (flags == kTcpSyn || (flags == kTcpAck && picks_up)) return DropReason::None;
    return DropReason::TcpNoFlow;
  }
  if (info.kind == PacketKind::IcmpError) return DropReason::IcmpUnrelated;
  if (info.kind == PacketKind::IcmpQuery) {
    const bool asks = info.icmp_type == (key.family == 4 ? kEchoRequest : kEchoRequest6);
    return asks ? DropReason::None : DropReason::IcmpUnrelated;
  }
  return DropReason::None;
}

}  // namespace bulkhead::dataplane
