// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/policy/memory_figures.h"

#include <x86intrin.h>

#include <chrono>
#include <fstream>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace bulkhead::bench {
namespace {

std::uint64_t status_kib(const std::string& key) {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word != key) continue;
    std::uint64_t kib = 0;
    status >> kib;
    return kib;
  }
  return 0;
}

struct alignas(64) Line {
  std::uint32_t next = 0;
};

}  // namespace

std::uint64_t cycles() { return __rdtsc(); }

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::uint64_t resident_kib() { return status_kib("VmRSS:"); }
std::uint64_t peak_resident_kib() { return status_kib("VmHWM:"); }

MemoryFigures measure_memory() {
  constexpr std::uint32_t kLines = (256u << 20) / sizeof(Line);
  constexpr std::uint32_t kSteps = 1u << 18;
  constexpr std::uint32_t kWide = 32;
  std::mt19937 random(1);
  std::vector<Line> lines(kLines);
  std::vector<std::uint32_t> order(kLines);
  std::iota(order.begin(), order.end(), 0u);
  for (std::uint32_t i = kLines - 1; i > 0; --i) {  // Sattolo: one cycle through all lines
    std::swap(order[i], order[random() % i]);
  }
  for (std::uint32_t i = 0; i < kLines; ++i) lines[order[i]].next = order[(i + 1) % kLines];

  MemoryFigures figures;
  std::uint32_t at = 0;
  std::uint64_t start = cycles();
  for (std::uint32_t i = 0; i < kSteps; ++i) at = lines[at].next;
  figures.dependent_miss = static_cast<double>(cycles() - start) / kSteps;

  std::uint32_t sum = at & 1u;  // the sums keep the loads from being dropped
  start = cycles();
  for (std::uint32_t i = 0; i < kSteps; i += kWide) {
    const std::uint32_t* batch = order.data() + kLines / 2 + i;
    for (std::uint32_t n = 0; n < kWide; ++n) __builtin_prefetch(&lines[batch[n]]);
    for (std::uint32_t n = 0; n < kWide; ++n) sum += lines[batch[n]].next;
  }
  figures.batched_miss = static_cast<double>(cycles() - start) / kSteps;
  if (sum == 0) figures.batched_miss += 1e-9;
  return figures;
}

}  // namespace bulkhead::bench
