// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "dataplane/flow/entry.h"

namespace bulkhead::dataplane {

struct TcpSegment {
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgment = 0;
  std::uint32_t payload_bytes = 0;
  std::uint16_t window = 0;          // as on the wire
  std::uint8_t flags = 0;            // a combination parse lets through
  std::uint8_t window_scale = 0xff;  // of a SYN; 0xff = option absent
};

enum class TcpVerdict : std::uint8_t {
  BadState = 0,
  OutOfWindow,
  Pass,
  Reopen,  // a SYN on a finished connection: close this flow, decide anew
};

// TCP (RFC 9293) as a firewall between the ends sees it; RST as RFC 5961 asks of its receiver. All
// work on one flow, without looking at its key, age or account.

// The first packet: a SYN without ACK.
void open_tcp(Flow& flow, const TcpSegment& segment);

// Mid-stream pick-up: what was agreed before is unknown, so the first segment of each side defines
// its own window, generously.
void pick_up_tcp(Flow& flow, const TcpSegment& segment);

// A later packet. Changes the flow only when it answers Pass.
[[nodiscard]] TcpVerdict track_tcp(Flow& flow, bool is_reply, const TcpSegment& segment);

// Whether an ICMP error about this segment may be genuine: it lies in what was sent and not long
// acknowledged.
[[nodiscard]] bool is_in_flight(const Flow& flow, bool is_reply, std::uint32_t sequence);

}  // namespace bulkhead::dataplane
