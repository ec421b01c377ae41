// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/fastpath/bursts.h"

#include <x86intrin.h>

#include <algorithm>
#include <numeric>

#include "dataplane/packet/parse.h"
#include "dataplane/stage/stages.h"

namespace bulkhead::bench {

using namespace dataplane;

std::array<double, kStageNames.size()> Bursts::per_packet() {
  std::ranges::sort(bursts_, {}, [](const StageCycles& cycles) {
    return std::accumulate(cycles.begin(), cycles.end(), std::uint64_t{0});
  });
  const std::size_t kept = bursts_.size() - bursts_.size() / 50;
  std::array<double, kStageNames.size()> mean{};
  for (std::size_t n = 0; n < kept; ++n) {
    for (std::size_t stage = 0; stage < mean.size(); ++stage) {
      mean[stage] += static_cast<double>(bursts_[n][stage]);
    }
  }
  for (double& each : mean) each /= static_cast<double>(kept * kBatchSize);
  return mean;
}

std::size_t run(Node& node, Batch& batch, Bursts& bursts, Ages ages) {
  StageCycles cycles{};
  StageContext context = node.context();
  batch.start();
  batch.datagram.fill(FragmentCache::kNone);
  std::uint64_t at = __rdtsc();
  const auto stamp = [&](std::size_t stage) {
    const std::uint64_t now = __rdtsc();
    cycles[stage] = now - at;
    at = now;
  };
  parse(batch);
  stamp(0);
  bind(batch, context);
  stamp(1);
  track(batch, context);
  translate(batch, context);
  stamp(2);
  classify(batch, context);
  stamp(3);
  commit(batch, context);
  stamp(4);
  forward(batch, context);
  context.events.publish();
  stamp(5);
  if (ages == Ages::Yes) {
    node.age();
    stamp(6);
  }
  bursts.add(cycles);
  return static_cast<std::size_t>(
      std::count(batch.fate.begin(), batch.fate.begin() + batch.size, Fate::Forward));
}

}  // namespace bulkhead::bench
