// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace bulkhead::dataplane::api {

// What the pools and rings of a data plane take, in MB of hugepages or plain memory; for whoever
// reserves it before the start. `has_devices`: `ports` are configured. Flows are not in it: they
// have a file of their own.
[[nodiscard]] constexpr std::size_t megabytes_needed(std::size_t workers, bool has_devices) {
  constexpr std::size_t kPoolOfAWorker = 60;
  constexpr std::size_t kRest = 24;          // rings, EAL's own
  constexpr std::size_t kDevices = 37 + 32;  // a pool of small buffers, queues
  return workers * kPoolOfAWorker + kRest + (has_devices ? kDevices : 0);
}

}  // namespace bulkhead::dataplane::api
