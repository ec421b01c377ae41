// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/flow/entry.h"
#include "dataplane/flow/tcp.h"
#include "dataplane/packet/wire.h"

// The arithmetic of TCP windows (van Rooij, "Real Stateful TCP Packet Filtering in IP Filter"),
// inline and with few branches: every segment of an open connection passes through it.
namespace bulkhead::dataplane {

// Sequence numbers are compared modulo 2^32 (RFC 9293 section 3.4).
[[nodiscard]] inline bool is_after(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b) > 0;
}
[[nodiscard]] inline std::uint32_t later(std::uint32_t a, std::uint32_t b) {
  return is_after(a, b) ? a : b;
}

// Acknowledgments of what was received out of order may lag this far behind.
inline constexpr std::uint32_t kLeastAckWindow = 66000;

[[nodiscard]] inline std::uint32_t end_of(const TcpSegment& segment) {
  return segment.sequence + segment.payload_bytes + ((segment.flags & kTcpSyn) != 0 ? 1 : 0) +
         ((segment.flags & kTcpFin) != 0 ? 1 : 0);
}

[[nodiscard]] inline std::uint32_t window_of(const TcpSide& sender, const TcpSegment& segment) {
  const unsigned shift = (segment.flags & kTcpSyn) != 0 ? 0 : sender.scale();
  return std::uint32_t{segment.window} << shift;
}

// The segment touches what its receiver may still accept, and acknowledges nothing that was never
// sent. One answer from all four comparisons: each alone is nearly always true.
[[nodiscard]] inline bool is_in_window(const TcpSide& sender, const TcpSide& receiver,
                                       const TcpSegment& segment) {
  const bool starts_in_time = !is_after(segment.sequence, sender.max_end);
  const bool ends_in_time = !is_after(sender.end - receiver.window(), end_of(segment));
  const std::uint32_t ack_window = std::max(kLeastAckWindow, sender.window());
  const bool was_sent = !is_after(segment.acknowledgment, receiver.end);
  const bool is_recent = !is_after(receiver.end - ack_window, segment.acknowledgment);
  const bool is_no_ack = (segment.flags & kTcpAck) == 0;
  return starts_in_time & ends_in_time & (is_no_ack | (was_sent & is_recent));
}

// What a segment in the window changes.
inline void advance(TcpSide& sender, TcpSide& receiver, const TcpSegment& segment) {
  sender.end = later(end_of(segment), sender.end);
  const std::uint32_t window = window_of(sender, segment);
  if (window > sender.window()) [[unlikely]]
    sender.set_window(window);
  const std::uint32_t allowed = segment.acknowledgment + std::max<std::uint32_t>(window, 1);
  receiver.max_end = later(allowed, receiver.max_end);
}

}  // namespace bulkhead::dataplane
