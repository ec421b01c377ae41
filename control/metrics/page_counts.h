// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "control/metrics/source.h"

namespace bulkhead::control::metrics {

// Counts of the statistics page that never go back: a data plane's page begins at zero with each
// start, and a counter slot may be given to another rule. Not thread safe.
class PageCounts {
 public:
  struct Worker {
    std::uint64_t received = 0;
    std::uint64_t generated = 0;
    std::uint64_t sent = 0;
    std::uint64_t dropped = 0;
    std::uint64_t consumed = 0;
    std::uint64_t busy_ns = 0;
    std::uint64_t idle_ns = 0;
    std::uint64_t handed_over = 0;
    std::uint64_t events_lost = 0;
    std::uint64_t epoch_rechecks = 0;
    std::array<std::uint64_t, kDropReasonLimit> drops{};
  };

  // Takes the page's counts. A page that has no start time yet is not believed.
  void take(const dataplane::api::StatsPage& page);
  // From now on slots mean these rules.
  void name_slots(const SlotNames& slots);

  // How many workers were ever seen.
  [[nodiscard]] std::size_t workers() const { return workers_; }
  [[nodiscard]] Worker worker(std::size_t index) const;
  [[nodiscard]] std::uint64_t decisions(CounterSlot slot) const;

 private:
  struct Slot {
    std::uint64_t name = 0;         // hash of what it counts
    std::uint64_t base = 0;         // counted by data planes that are gone
    std::uint64_t last = 0;         // on the present page
    std::uint64_t not_its_own = 0;  // of `last`, counted for an earlier rule
  };
  void begin_anew();

  std::uint64_t started_ns_ = 0;
  std::size_t workers_ = 0;
  std::array<Worker, dataplane::api::kMaxWorkers> base_{};
  std::array<Worker, dataplane::api::kMaxWorkers> last_{};
  std::unordered_map<std::uint32_t, Slot> slots_{{0, {}}};  // slot 0 needs no name
};

}  // namespace bulkhead::control::metrics
