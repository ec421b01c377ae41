// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/port/eal.h"
#include "dataplane/port/pool.h"

namespace bulkhead::dataplane {

// EAL once a process, without hugepages.
[[nodiscard]] inline Status eal_for_tests() {
  static const Status started = start_eal({MemoryChoice::Plain, 64, {}}, EalChoice{false, "test"});
  return started;
}

}  // namespace bulkhead::dataplane
