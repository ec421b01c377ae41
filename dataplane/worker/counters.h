// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/api/stats.h"
#include "dataplane/packet/batch.h"
#include "policy/base/drop_reason.h"

namespace bulkhead::dataplane {

// One worker's counters as plain numbers, written to the statistics page once a burst. The worker
// loop counts packets, the pipeline counts the rest. Thread: the worker.
struct WorkerCounters {
  std::uint64_t received = 0;
  std::uint64_t generated = 0;
  std::uint64_t sent = 0;
  std::uint64_t dropped = 0;
  std::uint64_t consumed = 0;
  std::uint64_t held = 0;  // gauge
  std::uint64_t busy_ns = 0;
  std::uint64_t idle_ns = 0;
  std::uint64_t polls = 0;
  std::uint64_t handed_over = 0;
  std::uint64_t events_lost = 0;
  std::uint64_t flows_tcp = 0;
  std::uint64_t flows_udp = 0;
  std::uint64_t flows_sctp = 0;
  std::uint64_t flows_icmp = 0;
  std::uint64_t flow_capacity = 0;
  std::uint64_t epoch_rechecks = 0;
  std::array<std::uint64_t, kDropReasonLimit> drops{};

  void drop(DropReason reason) {
    ++dropped;
    ++drops[static_cast<std::size_t>(reason) % kDropReasonLimit];
  }

  // The page's row belongs to this worker alone.
  void store(api::WorkerStats& row) const;
};

}  // namespace bulkhead::dataplane
