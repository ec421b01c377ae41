// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "control/agent/kernel_drops.h"
#include "control/agent/seen.h"
#include "control/flowlog/names.h"
#include "control/metrics/source.h"

namespace bulkhead::control::agent {

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
  [[nodiscard]] std::shared_ptr<const metrics::SlotNames> names_of(const apply::Slots& slots) const;

  mutable std::mutex mutex_;
  std::shared_ptr<const Seen> seen_;
  // What a scrape made of them last.
  mutable std::mutex named_mutex_;
  mutable apply::Slots named_;
  mutable std::shared_ptr<const metrics::SlotNames> names_;
  metrics::Durations publish_seconds_;
  metrics::CallTimes cni_;
  mutable KernelDrops kernel_drops_;
};

}  // namespace bulkhead::control::agent
