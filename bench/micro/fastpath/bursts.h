// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/micro/fastpath/node.h"

namespace bulkhead::bench {

inline constexpr std::array kStageNames = {"parse",  "bind",    "track", "classify",
                                           "commit", "forward", "ageing"};
using StageCycles = std::array<std::uint64_t, kStageNames.size()>;

// What each burst of 64 packets took.
class Bursts {
 public:
  void add(const StageCycles& cycles) { bursts_.push_back(cycles); }
  // Cycles per packet by stage, of the mean burst without the slowest 2 %: those are the ones that
  // the scheduler or the hypervisor interrupted, and a burst is far shorter than a time slice.
  [[nodiscard]] std::array<double, kStageNames.size()> per_packet();

 private:
  std::vector<StageCycles> bursts_;
};

// One burst through all stages, each timed into `bursts`. Returns how many were forwarded.
enum class Ages : bool { No, Yes };
std::size_t run(Node& node, dataplane::Batch& batch, Bursts& bursts, Ages ages = Ages::No);

}  // namespace bulkhead::bench
