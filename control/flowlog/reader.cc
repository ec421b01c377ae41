// SPDX-License-Identifier: Apache-2.0
#include "control/flowlog/reader.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>

namespace bulkhead::control::flowlog {

using dataplane::api::EventRing;
using dataplane::api::EventRings;
using dataplane::api::kEventRingSize;

namespace {

std::size_t drain_one(EventRing& ring, const TakeEvent& take) {
  std::uint64_t tail = ring.tail.load(std::memory_order_relaxed);        // ours alone to write
  const std::uint64_t head = ring.head.load(std::memory_order_seq_cst);  // see set_sleeping()
  if (head - tail > kEventRingSize) {
    ring.tail.store(head, std::memory_order_release);
    return 0;
  }
  const std::size_t count = head - tail;
  while (tail != head) {
    // A copy: the writer may be a process that no longer keeps to the rules.
    const dataplane::api::Event event = ring.events[tail % kEventRingSize];
    ring.tail.store(++tail, std::memory_order_release);
    take(event);
  }
  return count;
}

std::size_t ring_count(const EventRings& rings) {
  return std::min<std::size_t>(rings.workers, dataplane::api::kMaxWorkers);
}

void set_sleeping(EventRings& rings, std::uint32_t sleeps) {
  for (std::size_t i = 0; i < ring_count(rings); ++i) {
    // Sequentially consistent with the writer's head: one of the two sees the other.
    rings.ring[i].reader_sleeps.store(sleeps, std::memory_order_seq_cst);
  }
}

}  // namespace

std::size_t drain(EventRings& rings, const TakeEvent& take) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < ring_count(rings); ++i) count += drain_one(rings.ring[i], take);
  return count;
}

RingReader::RingReader(std::shared_ptr<EventRings> rings, Fd wake, TakeEvent take,
                       std::function<void()> after_burst)
    : rings_(std::move(rings)),
      wake_(std::move(wake)),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      take_(std::move(take)),
      after_burst_(std::move(after_burst)),
      thread_([this] { run(); }) {}

RingReader::~RingReader() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(stop_.value(), &one, sizeof one);
  thread_.join();
}

void RingReader::run() {
  // A second is the longest that an event waits if a wake-up is lost with a dying writer.
  constexpr int kLongestSleepMs = 1000;
  bool is_stopping = false;
  while (!is_stopping) {
    set_sleeping(*rings_, 1);
    const std::size_t taken = drain(*rings_, take_);
    if (taken > 0 && after_burst_) after_burst_();
    pollfd waiting[] = {{wake_.value(), POLLIN, 0}, {stop_.value(), POLLIN, 0}};
    ::poll(waiting, 2, taken > 0 ? 0 : kLongestSleepMs);
    is_stopping = waiting[1].revents != 0;
    if (waiting[0].revents != 0) {
      std::uint64_t signals = 0;
      [[maybe_unused]] const auto got = ::read(wake_.value(), &signals, sizeof signals);
    }
  }
  if (drain(*rings_, take_) > 0 && after_burst_) after_burst_();
}

}  // namespace bulkhead::control::flowlog
