// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

namespace bulkhead::dataplane {

enum class PollMode : std::uint8_t {
  Adaptive,  // spin for a while after traffic, then sleep
  Busy,      // never sleep: the lowest latency, a whole core
  Epoll,     // sleep as soon as nothing is there
};

// When a worker stops asking and sleeps. It spins 50 us after the last frame; longer, up to 200 us,
// while frames keep arriving just after it fell asleep, because a sleep and a wake-up cost more
// than the spin. A pure state machine; the caller reads the clock. Thread: the worker.
class Idle {
 public:
  static constexpr std::uint64_t kShortestSpinNs = 50'000;
  static constexpr std::uint64_t kLongestSpinNs = 200'000;

  explicit Idle(PollMode mode) : mode_(mode) {}

  // After each turn of the loop: is it time to sleep?
  [[nodiscard]] bool wants_sleep(std::uint64_t now_ns, bool found_work);

  // After a sleep that a frame, a hand-over or a timeout ended.
  void slept(std::uint64_t from_ns, std::uint64_t until_ns);

  [[nodiscard]] std::uint64_t spin_ns() const { return spin_ns_; }

 private:
  PollMode mode_;
  std::uint64_t last_work_ns_ = 0;
  std::uint64_t spin_ns_ = kShortestSpinNs;
};

}  // namespace bulkhead::dataplane
