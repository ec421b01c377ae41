// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "control/agent/loop.h"
#include "control/endpoint/link_drops.h"

namespace bulkhead::control::agent {

// A device of ours; the generation tells it from a later one in its place.
struct CountedLink {
  std::uint32_t generation = 0;
  endpoint::LinkPlace place;
};

// What the kernel dropped at our ports, as one number that never falls: a device that goes takes
// its own counter with it, what it had counted stays. The kernel is asked at a scrape and at most
// once a second, never on a packet's path. Thread: any.
class KernelDrops {
 public:
  using Read = std::function<std::vector<std::optional<std::uint64_t>>(
      const std::vector<endpoint::LinkPlace>&)>;
  explicit KernelDrops(Read read = endpoint::link_drops) : read_(std::move(read)) {}

  // Over the life of every device that this object has met.
  [[nodiscard]] std::uint64_t total(const std::vector<CountedLink>& links, Time now);

 private:
  Read read_;
  std::mutex mutex_;
  std::optional<Time> read_at_;
  std::map<std::uint32_t, std::uint64_t> last_;  // by generation
  std::uint64_t total_ = 0;
};

}  // namespace bulkhead::control::agent
