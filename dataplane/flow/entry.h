// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "policy/base/flow_key.h"

namespace bulkhead::dataplane {

enum class TcpState : std::uint8_t {
  None = 0,     // not TCP
  SynSent,      // the originator's SYN
  SynReceived,  // answered by a SYN+ACK that acknowledges it
  Established,  // which the originator acknowledged
  HalfClosed,   // one FIN
  Closed,       // both
  Reset,        // a RST that its receiver must accept
};

// FIFOs of flows with one timeout each. None is a free entry.
enum class AgeClass : std::uint8_t {
  None = 0,
  Unassured,  // any protocol, the other side has not answered (TCP: no third packet) yet
  Udp,
  Icmp,
  Sctp,
  TcpOpen,
  TcpHalfClosed,
  TcpClosed,
};
inline constexpr std::size_t kAgeClasses = 8;

// Idle times, milliseconds. TCP's is RFC 5382 REQ-5 (2 h 4 min), UDP's and ICMP's are RFC 4787's
// and RFC 5508's minima or above.
[[nodiscard]] constexpr std::uint32_t timeout_ms(AgeClass age_class) {
  switch (age_class) {
    case AgeClass::None:
      return 0;
    case AgeClass::Unassured:
      return 30'000;
    case AgeClass::Udp:
      return 180'000;
    case AgeClass::Icmp:
      return 60'000;
    case AgeClass::Sctp:
      return 300'000;
    case AgeClass::TcpOpen:
      return 7'440'000;
    case AgeClass::TcpHalfClosed:
      return 600'000;
    case AgeClass::TcpClosed:
      return 30'000;
  }
  return 0;
}

// Time in a class's FIFO counts in 32nds of its timeout (a little more, so that 32 whole ones are
// never less than it), modulo 256: one byte an entry.
inline constexpr std::uint32_t kQueueUnits = 32;
[[nodiscard]] constexpr std::uint32_t queue_unit_ms(AgeClass age_class) {
  return timeout_ms(age_class) / kQueueUnits + 1;
}
[[nodiscard]] constexpr std::uint8_t queue_time(AgeClass age_class, std::uint32_t now_ms) {
  return static_cast<std::uint8_t>(now_ms / queue_unit_ms(age_class));
}

// One side of a TCP connection as its sender is seen from the middle (van Rooij, "Real Stateful TCP
// Packet Filtering in IP Filter", 2000).
struct TcpSide {
  std::uint32_t end = 0;  // the highest sequence number sent, plus one
  // The highest the receiver has allowed it to send to. In SynSent, where nobody has allowed
  // anything, the originator's holds its ISN + 1: the least that a SYN+ACK may acknowledge.
  std::uint32_t max_end = 0;
  std::uint32_t packed_window = 0;

  static constexpr std::uint8_t kNoScale = 15;

  // The largest window it has advertised, in bytes; rounded up to a multiple of 4.
  [[nodiscard]] std::uint32_t window() const { return (packed_window >> 4) << 2; }
  [[nodiscard]] std::uint8_t scale() const { return packed_window & 0xf; }
  void set_window(std::uint32_t bytes) { packed_window = (((bytes + 3) >> 2) << 4) | scale(); }
  void set_scale(std::uint8_t scale) { packed_window = (packed_window & ~0xfu) | scale; }
};
static_assert(sizeof(TcpSide) == 12);

inline constexpr std::uint32_t kNoSlot = 0xffffffff;

// One tracked connection in two cache lines. The first is all that an established packet touches;
// TCP needs the second too, the others only when the flow ages, is reported or has seen 255 packets
// one way. Lives in memory that outlives the process. Writer: its worker.
struct alignas(128) Flow {
  enum Flag : std::uint8_t {
    kAssured = 1,  // both sides spoke; never evicted for a newcomer
    kFinOriginator = 2,
    kFinReply = 4,
    kChallenged = 8,      // SynSent, and the responder answered with a bare ACK (RFC 5961)
    kPickedUp = 16,       // opened mid-stream after a cold start, its responder not seen yet
    kStagedDiffers = 32,  // staged policies would have decided otherwise
  };

  FlowKey key;              // the originator's tuple
  std::uint32_t epoch = 0;  // of the decision in force
  std::uint32_t last_seen_ms = 0;
  // What each side sent since `rest` last took it in: packets in the low 8 bits, L3 bytes above.
  std::uint32_t recent[2] = {};
  // Where both ends sit, 12 bits each, the originator's lowest; above them queued_at().
  std::uint32_t place = 0;
  TcpState tcp_state : 4 = TcpState::None;
  AgeClass age_class : 4 = AgeClass::None;
  std::uint8_t flags = 0;
  std::uint8_t reported_s = 0;  // when an event last carried its account, modulo 256
  std::uint8_t sequence = 0;    // odd while the entry is being written

  // The older part of a side's account, and the counter slot of the decision at its end: egress at
  // the originator, ingress at the responder; slots are below kMaxCounterSlots. 44 bits of bytes
  // are 17 TB between two events.
  struct Rest {
    static constexpr std::uint64_t kMostBytes = (std::uint64_t{1} << 44) - 1;
    std::uint64_t bytes : 44 = 0;
    std::uint64_t slot : 20 = 0;
  };
  TcpSide tcp[2];                // [0] the originator's
  std::uint32_t next = kNoSlot;  // in its FIFO, or in the free list
  std::uint32_t previous = kNoSlot;
  Rest rest[2];
  std::uint32_t rest_packets[2] = {};
  std::uint32_t source_identity = 0;
  std::uint32_t destination_identity = 0;

  // Where an end sits, below kMaxPorts. A shift, not a choice: the direction of a packet is as good
  // as random, and a branch on it is mispredicted every other time.
  [[nodiscard]] std::uint32_t port(bool of_responder) const {
    return place >> (of_responder ? 12 : 0) & kPortMask;
  }
  [[nodiscard]] std::uint32_t originator_port() const { return port(false); }
  [[nodiscard]] std::uint32_t responder_port() const { return port(true); }
  void set_port(bool of_responder, std::uint32_t port) {
    const unsigned shift = of_responder ? 12 : 0;
    place = (place & ~(kPortMask << shift)) | (port & kPortMask) << shift;
  }
  // When the flow joined its FIFO: queue_time().
  [[nodiscard]] std::uint8_t queued_at() const { return static_cast<std::uint8_t>(place >> 24); }
  void set_queued_at(std::uint8_t time) { place = (place & 0xffffff) | std::uint32_t{time} << 24; }
  [[nodiscard]] bool is_assured() const { return (flags & kAssured) != 0; }
  [[nodiscard]] std::uint32_t egress_slot() const {
    return static_cast<std::uint32_t>(rest[0].slot);
  }
  [[nodiscard]] std::uint32_t ingress_slot() const {
    return static_cast<std::uint32_t>(rest[1].slot);
  }
  void set_slots(std::uint32_t egress, std::uint32_t ingress) {
    rest[0].slot = egress & 0xfffff;
    rest[1].slot = ingress & 0xfffff;
  }

  // The account since the last event that got through.
  [[nodiscard]] std::uint64_t packets(std::size_t side) const {
    return std::uint64_t{rest_packets[side]} + (recent[side] & 0xff);
  }
  [[nodiscard]] std::uint64_t bytes(std::size_t side) const {
    return rest[side].bytes + (recent[side] >> 8);
  }
  void count_packet(bool is_reply, std::uint16_t l3_bytes) {
    std::uint32_t& account = recent[is_reply];
    account += (std::uint32_t{l3_bytes} << 8) + 1;
    if ((account & 0xff) == kMostRecent) [[unlikely]]
      settle(is_reply);
  }
  void clear_account() {
    for (std::size_t side = 0; side < 2; ++side) {
      recent[side] = rest_packets[side] = 0;
      rest[side].bytes = 0;
    }
  }

 private:
  static constexpr std::uint32_t kPortMask = 0xfff;
  static constexpr std::uint32_t kMostRecent = 0xff;
  static_assert(kMostRecent * 0xffffu < 1u << 24);

  void settle(bool side) {
    const std::uint32_t account = std::exchange(recent[side], 0u);
    rest_packets[side] += account & 0xff;
    const std::uint64_t sum = rest[side].bytes + (account >> 8);
    rest[side].bytes = std::min(sum, Rest::kMostBytes) & Rest::kMostBytes;
  }
};
static_assert(sizeof(Flow) == 128 && offsetof(Flow, tcp) == 64);

// Marks an entry as being written. The order matters only against the death of this process, so
// compiler fences are enough: a core's own stores reach memory that survives it in program order
// (x86), or not at all.
class Writing {
 public:
  explicit Writing(Flow& flow) : flow_(flow) {
    flow_.sequence = static_cast<std::uint8_t>(flow_.sequence | 1);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  ~Writing() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    ++flow_.sequence;
  }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;

 private:
  Flow& flow_;
};

}  // namespace bulkhead::dataplane
