// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace bulkhead::bench {

// What memory costs on this machine, in TSC cycles, to read the other figures by.
struct MemoryFigures {
  double dependent_miss = 0;  // a load whose address the one before gave, over 256 MiB
  double batched_miss = 0;    // one of 32 prefetched ones
};
[[nodiscard]] MemoryFigures measure_memory();

[[nodiscard]] std::uint64_t cycles();             // the time stamp counter
[[nodiscard]] double seconds();                   // a monotonic clock
[[nodiscard]] std::uint64_t resident_kib();       // of this process, now
[[nodiscard]] std::uint64_t peak_resident_kib();  // its highest so far

}  // namespace bulkhead::bench
