// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace bulkhead::bench {

// What this machine's memory costs, in TSC cycles: the yardstick beside the pipeline's figures.
struct MemoryFigures {
  double dependent_miss = 0;  // one load whose address the previous one gave, far beyond the caches
  double prefetched_miss = 0;  // one load of a batch of 32, all prefetched
  double tsc_ghz = 0;
};
[[nodiscard]] MemoryFigures measure_memory();

}  // namespace bulkhead::bench
