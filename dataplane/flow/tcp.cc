// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow/tcp.h"

#include <algorithm>

#include "dataplane/flow/tcp_window.h"
#include "dataplane/packet/wire.h"

namespace bulkhead::dataplane {
namespace {

TcpVerdict track_reset(Flow& flow, bool is_reply, const TcpSegment& segment) {
  const TcpSide& sender = flow.tcp[is_reply];
  const TcpSide& receiver = flow.tcp[!is_reply];
  if (flow.tcp_state == TcpState::SynSent) {
    if (is_reply) {
      // Refused: it must acknowledge the SYN (RFC 9293 section 3.10.7.3).
      const bool acknowledges = (segment.flags & kTcpAck) != 0 &&
                                !is_after(receiver.max_end, segment.acknowledgment) &&
                                !is_after(segment.acknowledgment, receiver.end);
      if (!acknowledges) return TcpVerdict::OutOfWindow;
    } else if ((flow.flags & Flow::kChallenged) != 0) {
      return TcpVerdict::Pass;  // clears the half-open connection it was challenged about
    } else if (is_after(segment.sequence, sender.end) ||
               is_after(sender.max_end - 1, segment.sequence)) {
      return TcpVerdict::OutOfWindow;
    }
    flow.tcp_state = TcpState::Reset;
    return TcpVerdict::Pass;
  }
  if (!is_in_window(sender, receiver, segment)) return TcpVerdict::OutOfWindow;
  // Only a RST right at the next expected number ends the connection for sure; for any other in the
  // window the receiver asks back (RFC 5961 section 3.2), and the flow lives on.
  if (segment.sequence == sender.end || segment.sequence + 1 == sender.end) {
    flow.tcp_state = TcpState::Reset;
  }
  return TcpVerdict::Pass;
}

TcpVerdict track_syn(Flow& flow, bool is_reply, const TcpSegment& segment) {
  switch (flow.tcp_state) {
    case TcpState::Closed:
    case TcpState::Reset:
      return TcpVerdict::Reopen;
    case TcpState::SynSent:
      // A reply here would be a simultaneous open, which is refused: its sender needs a policy
      // that lets it connect, and that would be decided on another tuple.
      if (is_reply) return TcpVerdict::BadState;
      open_tcp(flow, segment);
      return TcpVerdict::Pass;
    case TcpState::SynReceived:
    case TcpState::Established:
    case TcpState::HalfClosed:
      // Retransmitted, or the originator has restarted: its peer answers with a challenge ACK.
      return is_reply ? TcpVerdict::BadState : TcpVerdict::Pass;
    case TcpState::None:
      break;
  }
  return TcpVerdict::BadState;
}

TcpVerdict track_syn_ack(Flow& flow, bool is_reply, const TcpSegment& segment) {
  if (!is_reply) return TcpVerdict::BadState;
  TcpSide& responder = flow.tcp[1];
  TcpSide& originator = flow.tcp[0];
  if (flow.tcp_state != TcpState::SynSent) {
    return is_in_window(responder, originator, segment) ? TcpVerdict::Pass
                                                        : TcpVerdict::OutOfWindow;
  }
  if (is_after(originator.max_end, segment.acknowledgment) ||
      is_after(segment.acknowledgment, originator.end)) {
    return TcpVerdict::OutOfWindow;
  }
  responder.end = end_of(segment);
  responder.max_end = responder.end + std::max<std::uint32_t>(originator.window(), 1);
  responder.packed_window = 0;
  responder.set_window(std::max<std::uint32_t>(segment.window, 1));
  originator.max_end = segment.acknowledgment + std::max<std::uint32_t>(segment.window, 1);
  // Scaling holds only when both offered it (RFC 7323 section 2.2).
  const bool both = originator.scale() != TcpSide::kNoScale && segment.window_scale != 0xff;
  responder.set_scale(both ? segment.window_scale : 0);
  originator.set_scale(both ? originator.scale() : 0);
  flow.tcp_state = TcpState::SynReceived;
  return TcpVerdict::Pass;
}

// The first sight of the responder of a picked-up connection.
void meet_responder(Flow& flow, const TcpSegment& segment) {
  TcpSide& responder = flow.tcp[1];
  TcpSide& originator = flow.tcp[0];
  if (is_after(end_of(segment), responder.end)) responder.end = end_of(segment);
  if (is_after(segment.acknowledgment, originator.end)) originator.end = segment.acknowledgment;
  responder.set_window(std::uint32_t{segment.window} << responder.scale());
  if (is_after(responder.end, responder.max_end)) responder.max_end = responder.end;
  flow.flags &= static_cast<std::uint8_t>(~Flow::kPickedUp);
}

}  // namespace

void open_tcp(Flow& flow, const TcpSegment& segment) {
  TcpSide& originator = flow.tcp[0];
  originator = {};
  flow.tcp[1] = {};
  originator.end = end_of(segment);
  originator.max_end = segment.sequence + 1;
  originator.set_window(std::max<std::uint32_t>(segment.window, 1));
  originator.set_scale(segment.window_scale == 0xff ? TcpSide::kNoScale : segment.window_scale);
  flow.tcp_state = TcpState::SynSent;
}

void pick_up_tcp(Flow& flow, const TcpSegment& segment) {
  constexpr std::uint8_t kLargestScale = 14;
  for (TcpSide& side : flow.tcp) {
    side = {};
    side.set_scale(kLargestScale);
  }
  flow.tcp[0].end = flow.tcp[0].max_end = end_of(segment);
  flow.tcp[0].set_window(std::uint32_t{segment.window} << kLargestScale);
  flow.tcp[1].end = segment.acknowledgment;
  flow.tcp[1].max_end = segment.acknowledgment + flow.tcp[0].window();
  flow.tcp[1].set_window(0xffffu << kLargestScale);
  flow.tcp[0].max_end += kLeastAckWindow;
  flow.tcp_state = TcpState::Established;
  flow.flags |= Flow::kPickedUp;
}

TcpVerdict track_tcp(Flow& flow, bool is_reply, const TcpSegment& segment) {
  if ((segment.flags & kTcpRst) != 0) return track_reset(flow, is_reply, segment);
  if ((segment.flags & kTcpSyn) != 0) {
    return (segment.flags & kTcpAck) != 0 ? track_syn_ack(flow, is_reply, segment)
                                          : track_syn(flow, is_reply, segment);
  }
  if (flow.tcp_state == TcpState::SynSent) {
    // A bare ACK from a peer that still holds an older connection (RFC 9293 section 3.5.1).
    if (!is_reply || segment.payload_bytes != 0 || (segment.flags & kTcpFin) != 0) {
      return TcpVerdict::BadState;
    }
    flow.flags |= Flow::kChallenged;
    return TcpVerdict::Pass;
  }
  if ((flow.flags & Flow::kPickedUp) != 0 && is_reply) meet_responder(flow, segment);
  TcpSide& sender = flow.tcp[is_reply];
  TcpSide& receiver = flow.tcp[!is_reply];
  if (!is_in_window(sender, receiver, segment)) return TcpVerdict::OutOfWindow;
  advance(sender, receiver, segment);
  if (flow.tcp_state == TcpState::SynReceived && !is_reply &&
      segment.acknowledgment == receiver.end) {
    flow.tcp_state = TcpState::Established;
  }
  if ((segment.flags & kTcpFin) != 0 && flow.tcp_state != TcpState::Reset) {
    flow.flags |= is_reply ? Flow::kFinReply : Flow::kFinOriginator;
    const bool both =
        (flow.flags & Flow::kFinReply) != 0 && (flow.flags & Flow::kFinOriginator) != 0;
    flow.tcp_state = both ? TcpState::Closed : TcpState::HalfClosed;
  }
  return TcpVerdict::Pass;
}

bool is_in_flight(const Flow& flow, bool is_reply, std::uint32_t sequence) {
  const TcpSide& sender = flow.tcp[is_reply];
  const std::uint32_t window = std::max(kLeastAckWindow, flow.tcp[!is_reply].window());
  return !is_after(sequence, sender.end) && !is_after(sender.end - window, sequence);
}

}  // namespace bulkhead::dataplane
