// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "dataplane/api/messages.h"
#include "policy/base/drop_reason.h"

// The statistics page: a memfd that the data plane maps read-write and the agent read-only. Every
// counter has one writer (its worker) and is stored with relaxed order once a burst from local
// sums. In frames before segmentation, for each worker and for ever:
//   received + generated == sent + dropped + consumed + held
// where held is a gauge (fragments that wait for their first).
namespace bulkhead::dataplane::api {

inline constexpr std::uint32_t kStatsMagic = 0x42485354;  // "BHST"
inline constexpr std::size_t kMaxCounterSlots = 262144;

using Counter = std::atomic<std::uint64_t>;
static_assert(Counter::is_always_lock_free);

struct alignas(64) WorkerStats {
  Counter received{0};
  Counter generated{0};
  Counter sent{0};
  Counter dropped{0};
  Counter consumed{0};
  Counter held{0};
  Counter busy_ns{0};
  Counter idle_ns{0};
  Counter polls{0};
  Counter handed_over{0};
  Counter events_lost{0};
  Counter flows_tcp{0};  // gauges: live flows by protocol
  Counter flows_udp{0};
  Counter flows_sctp{0};
  Counter flows_icmp{0};
  Counter flow_capacity{0};
  Counter epoch_rechecks{0};
  Counter drops[kDropReasonLimit]{};
};

struct alignas(64) PortStats {
  Counter generation{0};
  Counter received_packets{0};
  Counter received_bytes{0};
  Counter sent_packets{0};
  Counter sent_bytes{0};
  Counter dropped{0};
};

struct StatsPage {
  std::uint32_t magic = kStatsMagic;
  std::uint16_t major = kMajor;
  std::uint16_t minor = kMinor;
  std::uint32_t workers = 0;
  std::uint32_t pid = 0;
  Counter revision{0};  // the table in force
  Counter epoch{0};
  Counter started_ns{0};    // CLOCK_REALTIME
  Counter heartbeat_ns{0};  // CLOCK_MONOTONIC, control thread, every 100 ms
  WorkerStats worker[kMaxWorkers];
  // Packets by [worker][port]. A row is touched only once its port exists.
  PortStats port[kMaxWorkers][kMaxPorts];
  // First-packet decisions and re-decisions by [worker][CounterSlot].
  Counter decisions[kMaxWorkers][kMaxCounterSlots];
};

}  // namespace bulkhead::dataplane::api
