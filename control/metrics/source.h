// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/metrics/durations.h"
#include "dataplane/api/stats.h"
#include "policy/compile/compile.h"

namespace bulkhead::control::metrics {

using SlotNames = std::vector<compile::SlotInfo>;

// What the agent knows at the moment of a scrape.
struct ReadModel {
  // Null while no data plane is connected. Shared, so that the mapping outlives a scrape in which
  // the data plane goes away.
  std::shared_ptr<const dataplane::api::StatsPage> stats;

  std::uint64_t revision_desired = 0;
  std::uint64_t revision_verified = 0;
  std::uint64_t revision_acknowledged = 0;
  double verified_ratio = 0;  // 0..1
  double stale_seconds = 0;   // how long the table in force has been older than the wished one

  DurationsData publish_seconds;                   // file event to last acknowledgement
  std::map<std::string, std::uint64_t> rejected;   // by cause: "parse", "compile", "verify", ...
  std::map<std::string, std::uint64_t> endpoints;  // by state
  std::vector<CallTimes::Row> cni;
  // Frames the kernel dropped at our ports because nobody read them, since the agent began;
  // absent when nobody measures it.
  std::optional<std::uint64_t> port_kernel_drops;

  std::shared_ptr<const SlotNames> slots;  // every slot that may count; null = none yet
};

// Implemented by the agent. Thread: the scrape's; must not wait for a compile or for the data
// plane.
class Source {
 public:
  virtual ~Source() = default;
  [[nodiscard]] virtual ReadModel read() const = 0;
  [[nodiscard]] virtual bool is_ready() const = 0;  // /readyz
};

}  // namespace bulkhead::control::metrics
