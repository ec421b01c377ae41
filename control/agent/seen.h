// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/agent/endpoints.h"
#include "control/agent/kernel_drops.h"
#include "control/api/types.h"
#include "control/apply/publisher.h"
#include "dataplane/api/stats.h"

namespace bulkhead::control::agent {

// One state of the agent as others may see it. Immutable once published. Made after every change
// by whoever decides, so it holds parts that are shared and not what can be told from them: that
// is for whoever asks.
struct Seen {
  struct SeenEndpoint {
    RecordPtr record;
    Endpoint::State state = Endpoint::State::Wiring;
  };
  api::StatusReport status;
  std::vector<SeenEndpoint> endpoints;
  apply::InForce in_force;
  apply::AddressEntries held;                 // acknowledged
  apply::Slots slots;                         // every counter slot that may count
  std::map<std::string, std::string> broken;  // units that are not in force, by their first error
  std::vector<api::LostAttachment> lost;
  std::vector<CountedLink> host_links;
  std::shared_ptr<const dataplane::api::StatsPage> stats;
  std::map<std::string, std::uint64_t> rejected;
  std::optional<std::chrono::steady_clock::time_point> stale_since;
  [[nodiscard]] double stale_seconds() const {
    if (!stale_since) return 0;
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - *stale_since).count();
  }
  bool is_ready = false;
};

// "wiring", "ready", "quarantined" or "closed".
[[nodiscard]] std::string state_of(const Seen& seen, const Seen::SeenEndpoint& endpoint);
[[nodiscard]] std::vector<api::EndpointReport> endpoint_reports(const Seen& seen);
[[nodiscard]] std::vector<api::PolicyReport> policy_reports(const Seen& seen);
// The devices whose drops the kernel counts.
[[nodiscard]] std::vector<CountedLink> counted_links(const Seen& seen);

}  // namespace bulkhead::control::agent
