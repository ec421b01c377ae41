// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

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

// One tracked connection in two cache lines: the first is what every packet touches, whatever the
// protocol. Lives in memory that outlives the process. Writer: its worker.
struct alignas(128) Flow {
  enum Flag : std::uint8_t {
    kAssured = 1,  // both sides spoke; never evicted for a newcomer
    kFinOriginator = 2,
    kFinReply = 4,
    kChallenged = 8,      // SynSent, and the responder answered with a bare ACK (RFC 5961)
    kPickedUp = 16,       // opened mid-stream after a cold start, its responder not seen yet
    kStagedDiffers = 32,  // staged policies would have decided otherwise
  };

  std::uint32_t sequence = 0;  // odd while the entry is being written
  std::uint32_t epoch = 0;     // of the decision in force
  FlowKey key;                 // the originator's tuple
  std::uint32_t last_seen_ms = 0;
  TcpState tcp_state : 4 = TcpState::None;
  AgeClass age_class : 4 = AgeClass::None;
  std::uint8_t queued_at = 0;  // when it joined its FIFO: queue_time() of its class
  std::uint8_t flags = 0;
  std::uint8_t reported_s = 0;   // when an event last carried its account, modulo 256
  std::uint32_t next = kNoSlot;  // in its FIFO, or in the free list
  std::uint32_t previous = kNoSlot;

  TcpSide tcp[2];                 // [0] the originator's
  std::uint32_t packets[2] = {};  // since the last event that got through
  std::uint64_t bytes[2] = {};    // L3
  std::uint32_t source_identity = 0;
  std::uint32_t destination_identity = 0;
  // Where the originator sits and which slot its egress decision is counted in; likewise for the
  // responder and ingress. Slots are below kMaxCounterSlots, ports below kMaxPorts.
  std::uint32_t egress_slot : 20 = 0;
  std::uint32_t originator_port : 12 = 0;
  std::uint32_t ingress_slot : 20 = 0;
  std::uint32_t responder_port : 12 = 0;

  [[nodiscard]] bool is_assured() const { return (flags & kAssured) != 0; }
};
static_assert(sizeof(Flow) == 128 && offsetof(Flow, tcp) == 64);

// Marks an entry as being written. The order matters only against the death of this process, so
// compiler fences are enough: a core's own stores reach memory that survives it in program order
// (x86), or not at all.
class Writing {
 public:
  explicit Writing(Flow& flow) : flow_(flow) {
    flow_.sequence |= 1;
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
