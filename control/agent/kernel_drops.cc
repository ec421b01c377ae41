// SPDX-License-Identifier: Apache-2.0
#include "control/agent/kernel_drops.h"

namespace bulkhead::control::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kAtMostEvery = 1s;

}  // namespace

std::uint64_t KernelDrops::total(const std::vector<CountedLink>& links, Time now) {
  const std::lock_guard lock(mutex_);
  if (read_at_ && now - *read_at_ < kAtMostEvery) return total_;
  read_at_ = now;
  std::vector<endpoint::LinkPlace> places;
  for (const auto& link : links) places.push_back(link.place);
  const auto counts = read_(places);

  std::map<std::uint32_t, std::uint64_t> seen;
  for (std::size_t i = 0; i < links.size() && i < counts.size(); ++i) {
    const auto before = last_.find(links[i].generation);
    const std::uint64_t base = before == last_.end() ? 0 : before->second;
    const std::uint64_t count = counts[i].value_or(base);
    // A device that was made anew counts from zero.
    total_ += count >= base ? count - base : count;
    seen[links[i].generation] = count;
  }
  last_ = std::move(seen);
  return total_;
}

}  // namespace bulkhead::control::agent
