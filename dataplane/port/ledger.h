// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/api/stats.h"
#include "policy/base/drop_reason.h"
#include "policy/base/ids.h"

namespace bulkhead::dataplane {

// What became of one worker's frames, by port and by reason: plain sums that the worker stores to
// the statistics page once a burst. Ports write into it when a frame's fate is known, which for
// io_uring is the completion. Thread: the worker.
class Ledger {
 public:
  Ledger();

  void received(PortId port, std::uint32_t bytes);
  void sent(PortId port, std::uint32_t bytes);
  // The port a frame came from, or was to leave by when the port refused it.
  void dropped(PortId port, DropReason reason);
  // A new endpoint at this port: its sums start again.
  void restart(PortId port, std::uint32_t generation);

  [[nodiscard]] std::uint64_t sent_packets() const { return sent_; }
  [[nodiscard]] std::uint64_t dropped_packets() const { return dropped_; }
  [[nodiscard]] const std::array<std::uint64_t, kDropReasonLimit>& drops() const { return drops_; }

  // Stores the rows that changed since the last call.
  void store(std::span<api::PortStats> rows);

 private:
  struct Sums {
    std::uint64_t generation = 0;
    std::uint64_t received_packets = 0;
    std::uint64_t received_bytes = 0;
    std::uint64_t sent_packets = 0;
    std::uint64_t sent_bytes = 0;
    std::uint64_t dropped = 0;
    bool is_dirty = false;
  };
  Sums& touch(PortId port);

  std::vector<Sums> ports_;  // by PortId::value
  std::vector<std::uint32_t> dirty_;
  std::uint64_t sent_ = 0;
  std::uint64_t dropped_ = 0;
  std::array<std::uint64_t, kDropReasonLimit> drops_{};
};

}  // namespace bulkhead::dataplane
