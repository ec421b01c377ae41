// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "control/agent/kernel_drops.h"
#include "control/api/types.h"
#include "control/apply/publisher.h"
#include "control/flowlog/names.h"
#include "control/metrics/source.h"

namespace bulkhead::control::agent {

using Slots = std::map<CounterSlot, compile::SlotInfo>;

// One state of the agent as others may see it. Immutable once published.
struct Seen {
  api::StatusReport status;
  std::vector<api::EndpointReport> endpoints;
  std::vector<api::PolicyReport> policies;
  std::vector<api::LostAttachment> lost;
  std::vector<CountedLink> links;
  apply::InForce in_force;
  std::shared_ptr<const Slots> slots;
  std::shared_ptr<const metrics::SlotNames> slot_names;
  std::shared_ptr<const dataplane::api::StatsPage> stats;
  std::map<std::string, std::uint64_t> rejected;
  std::optional<std::chrono::steady_clock::time_point> stale_since;
  bool is_ready = false;
};

// What HTTP workers, scrapes and the flow log read, so that none of them ever waits for a compile
// or for the data plane. The control thread publishes a new state after each step that changed
// something. Thread: any.
class SharedView final : public flowlog::Names, public metrics::Source {
 public:
  SharedView();

  void publish(std::shared_ptr<const Seen> seen);
  [[nodiscard]] std::shared_ptr<const Seen> seen() const;

  [[nodiscard]] std::optional<flowlog::RuleName> rule(CounterSlot slot) const override;
  [[nodiscard]] std::optional<flowlog::PodName> pod(const IpAddress& address) const override;

  [[nodiscard]] metrics::ReadModel read() const override;
  [[nodiscard]] bool is_ready() const override { return seen()->is_ready; }

  [[nodiscard]] metrics::Durations& publish_seconds() { return publish_seconds_; }
  [[nodiscard]] metrics::CallTimes& cni() { return cni_; }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Seen> seen_;
  metrics::Durations publish_seconds_;
  metrics::CallTimes cni_;
  mutable KernelDrops kernel_drops_;
};

}  // namespace bulkhead::control::agent
