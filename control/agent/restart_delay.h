// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>

namespace bulkhead::control::agent {

// How long to wait before a process that ended is started again. The first restarts are at once,
// however short the life was: traffic waits. A series of short lives (it cannot start, or meets at
// once what ended it) waits twice as long each time. Thread: one.
class RestartDelay {
 public:
  using Duration = std::chrono::steady_clock::duration;

  [[nodiscard]] Duration after_life_of(Duration life) {
    short_lives_ = life < kShortLife ? short_lives_ + 1 : 0;
    if (short_lives_ <= kAtOnce) return Duration::zero();
    const int doublings = std::min(short_lives_ - kAtOnce - 1, kMostDoublings);
    return std::min<Duration>(kShortest * (1 << doublings), kLongest);
  }

 private:
  static constexpr std::chrono::milliseconds kShortLife{1000};
  static constexpr std::chrono::milliseconds kShortest{50};
  static constexpr std::chrono::milliseconds kLongest{1000};
  static constexpr int kAtOnce = 2;
  static constexpr int kMostDoublings = 5;
  int short_lives_ = 0;
};

}  // namespace bulkhead::control::agent
