// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "dataplane/api/messages.h"
#include "policy/base/drop_reason.h"
#include "policy/base/flow_key.h"

// Flow events, one single-producer single-consumer ring a worker in one memfd that both ends map
// read-write. The data plane writes `head` (release), the agent writes `tail` (release). The writer
// trusts nothing in the ring: a tail that makes no sense counts as a full ring. A full ring loses
// the event and counts it (WorkerStats::events_lost); the flow's account keeps growing until a
// later event carries it, so no packet goes uncounted while the flow lives.
namespace bulkhead::dataplane::api {

enum class EventKind : std::uint8_t {
  FlowNew = 1,     // allowed and inserted
  Denied = 2,      // refused by policy; `suppressed` more of the same kind were not reported
  FlowUpdate = 3,  // periodic account of a living flow
  FlowClosed = 4,  // ended or timed out
  FlowCut = 5,     // ended because a changed policy denies it
  Dropped = 6,     // refused for another reason than policy, rate-limited
};

struct Event {
  FlowKey key;                    // the originator's tuple
  std::uint64_t time_ns = 0;      // CLOCK_REALTIME
  std::uint64_t packets[2] = {};  // since the flow's last event: [0] originator's, [1] replies
  std::uint64_t bytes[2] = {};    // L3 bytes
  std::uint64_t revision = 0;
  std::uint32_t egress_slot = 0;  // CounterSlot of the egress decision, 0 = not decided here
  std::uint32_t ingress_slot = 0;
  std::uint32_t source_identity = 0;
  std::uint32_t destination_identity = 0;
  std::uint32_t ingress_port = 0;  // PortId the packet came in by
  std::uint32_t suppressed = 0;
  EventKind kind = EventKind::FlowNew;
  DropReason reason = DropReason::None;
  std::uint8_t staged_differs = 0;  // staged policies would have decided otherwise
  std::uint8_t pad[5] = {};
};
static_assert(sizeof(Event) == 120);

inline constexpr std::size_t kEventRingSize = 8192;  // events, a power of two

struct EventRing {
  alignas(64) std::atomic<std::uint64_t> head{0};  // written by the worker
  alignas(64) std::atomic<std::uint64_t> tail{0};  // written by the agent
  // Set by the agent before it sleeps, cleared by the worker that signals the eventfd.
  alignas(64) std::atomic<std::uint32_t> reader_sleeps{0};
  alignas(64) Event events[kEventRingSize];
};

struct EventRings {
  std::uint32_t magic = 0x42484556;  // "BHEV"
  std::uint16_t major = kMajor;
  std::uint16_t minor = kMinor;
  std::uint32_t workers = 0;
  EventRing ring[kMaxWorkers];
};

}  // namespace bulkhead::dataplane::api
