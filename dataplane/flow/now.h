// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace bulkhead::dataplane {

// The time of a burst, read once by the worker and passed down: nothing below reads a clock.
struct Now {
  std::uint64_t monotonic_ns = 0;  // drives timeouts; CLOCK_BOOTTIME, so that it outlives a restart
  std::uint64_t realtime_ns = 0;   // stamps events
};

}  // namespace bulkhead::dataplane
