// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/fastpath/memory.h"

#include <x86intrin.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

namespace bulkhead::bench {
namespace {

constexpr std::size_t kLines = std::size_t{8} << 20;  // 512 MB
constexpr std::size_t kLoads = 1 << 20;
constexpr std::size_t kBatch = 32;

struct alignas(64) Line {
  std::uint32_t next = 0;
};

double measure_tsc_ghz() {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const std::uint64_t tsc = __rdtsc();
  while (Clock::now() - start < std::chrono::milliseconds(50)) {
  }
  const std::uint64_t cycles = __rdtsc() - tsc;
  const std::chrono::duration<double, std::nano> passed = Clock::now() - start;
  return static_cast<double>(cycles) / passed.count();
}

}  // namespace

MemoryFigures measure_memory() {
  std::vector<std::uint32_t> order(kLines);
  std::iota(order.begin(), order.end(), 0u);
  std::shuffle(order.begin(), order.end(), std::mt19937(1));
  std::vector<Line> lines(kLines);
  for (std::size_t i = 0; i < kLines; ++i) lines[order[i]].next = order[(i + 1) % kLines];

  MemoryFigures figures;
  figures.tsc_ghz = measure_tsc_ghz();
  std::uint32_t at = order[0];
  std::uint64_t start = __rdtsc();
  for (std::size_t i = 0; i < kLoads; ++i) at = lines[at].next;
  figures.dependent_miss = static_cast<double>(__rdtsc() - start) / kLoads;

  std::uint32_t sum = at;
  start = __rdtsc();
  for (std::size_t i = 0; i + kBatch <= kLoads; i += kBatch) {
    const std::size_t base = kLoads + i;  // lines the chase has not touched
    for (std::size_t k = 0; k < kBatch; ++k) __builtin_prefetch(&lines[order[base + k]]);
    for (std::size_t k = 0; k < kBatch; ++k) sum += lines[order[base + k]].next;
  }
  figures.prefetched_miss = static_cast<double>(__rdtsc() - start) / kLoads;
  asm volatile("" ::"r"(sum));
  return figures;
}

}  // namespace bulkhead::bench
