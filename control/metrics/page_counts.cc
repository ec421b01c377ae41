// SPDX-License-Identifier: Apache-2.0
#include "control/metrics/page_counts.h"

#include <algorithm>
#include <functional>

namespace bulkhead::control::metrics {
namespace {

using dataplane::api::Counter;
using dataplane::api::kMaxCounterSlots;
using dataplane::api::kMaxWorkers;
using dataplane::api::StatsPage;
using dataplane::api::WorkerStats;

std::uint64_t value_of(const Counter& counter) { return counter.load(std::memory_order_relaxed); }

PageCounts::Worker read(const WorkerStats& stats) {
  PageCounts::Worker worker{value_of(stats.received),
                            value_of(stats.generated),
                            value_of(stats.sent),
                            value_of(stats.dropped),
                            value_of(stats.consumed),
                            value_of(stats.busy_ns),
                            value_of(stats.idle_ns),
                            value_of(stats.handed_over),
                            value_of(stats.events_lost),
                            value_of(stats.epoch_rechecks),
                            {}};
  std::ranges::transform(stats.drops, worker.drops.begin(), value_of);
  return worker;
}

PageCounts::Worker sum(const PageCounts::Worker& a, const PageCounts::Worker& b) {
  PageCounts::Worker worker{a.received + b.received,
                            a.generated + b.generated,
                            a.sent + b.sent,
                            a.dropped + b.dropped,
                            a.consumed + b.consumed,
                            a.busy_ns + b.busy_ns,
                            a.idle_ns + b.idle_ns,
                            a.handed_over + b.handed_over,
                            a.events_lost + b.events_lost,
                            a.epoch_rechecks + b.epoch_rechecks,
                            {}};
  std::ranges::transform(a.drops, b.drops, worker.drops.begin(), std::plus<>());
  return worker;
}

std::uint64_t name_hash(const compile::SlotInfo& info) {
  const auto kind = static_cast<std::uint64_t>(info.direction) << 2 |
                    static_cast<std::uint64_t>(info.verdict) << 1 | (info.staged ? 1u : 0u);
  return std::hash<std::string>{}(info.rule) * 8 + kind;
}

}  // namespace

void PageCounts::begin_anew() {
  for (std::size_t i = 0; i < kMaxWorkers; ++i) base_[i] = sum(base_[i], last_[i]);
  last_ = {};
  for (auto& [number, slot] : slots_) {
    slot.base += slot.last - slot.not_its_own;
    slot.last = 0;
    slot.not_its_own = 0;
  }
}

void PageCounts::take(const StatsPage& page) {
  const std::uint64_t started_ns = value_of(page.started_ns);
  if (started_ns == 0) return;
  if (started_ns != started_ns_) begin_anew();
  started_ns_ = started_ns;
  const std::size_t workers = std::min<std::size_t>(page.workers, kMaxWorkers);
  workers_ = std::max(workers_, workers);
  for (std::size_t i = 0; i < workers; ++i) last_[i] = read(page.worker[i]);
  for (auto& [number, slot] : slots_) {
    std::uint64_t counted = 0;
    for (std::size_t i = 0; i < workers; ++i) counted += value_of(page.decisions[i][number]);
    slot.last = std::max(slot.last, counted);
  }
}

void PageCounts::name_slots(const SlotNames& names) {
  for (const auto& info : names) {
    const std::uint32_t number = info.slot.value;
    if (number == 0 || number >= kMaxCounterSlots) continue;
    const auto [entry, is_new] = slots_.try_emplace(number, Slot{name_hash(info)});
    Slot& slot = entry->second;
    if (is_new || slot.name == name_hash(info)) continue;
    slot = {name_hash(info), 0, slot.last, slot.last};
  }
}

PageCounts::Worker PageCounts::worker(std::size_t index) const {
  return sum(base_[index], last_[index]);
}

std::uint64_t PageCounts::decisions(CounterSlot number) const {
  const auto found = slots_.find(number.value);
  if (found == slots_.end()) return 0;
  return found->second.base + found->second.last - found->second.not_its_own;
}

}  // namespace bulkhead::control::metrics
