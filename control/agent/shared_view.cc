// SPDX-License-Identifier: Apache-2.0
#include "control/agent/shared_view.h"

namespace bulkhead::control::agent {

SharedView::SharedView() : seen_(std::make_shared<const Seen>()) {}

void SharedView::publish(std::shared_ptr<const Seen> seen) {
  const std::lock_guard lock(mutex_);
  seen_ = std::move(seen);
}

std::shared_ptr<const Seen> SharedView::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

std::optional<flowlog::RuleName> SharedView::rule(CounterSlot slot) const {
  const auto now = seen();
  if (!now->slots) return std::nullopt;
  const auto found = now->slots->find(slot);
  if (found == now->slots->end()) return std::nullopt;
  const auto& info = found->second;
  return flowlog::RuleName{info.rule, info.direction, info.verdict, info.staged};
}

std::optional<flowlog::PodName> SharedView::pod(const IpAddress& address) const {
  const auto now = seen();
  if (!now->in_force.desired) return std::nullopt;
  const auto& addresses = now->in_force.desired->addresses;
  const auto found = addresses.find(address);
  if (found == addresses.end()) return std::nullopt;
  return flowlog::PodName{found->second.pod.namespace_name, found->second.pod.name};
}

metrics::ReadModel SharedView::read() const {
  const auto now = seen();
  metrics::ReadModel model;
  model.stats = now->stats;
  model.revision_desired = now->status.revision_desired;
  model.revision_verified = now->status.revision_verified;
  model.revision_acknowledged = now->status.revision_acknowledged;
  model.verified_ratio = now->status.verified_ratio;
  if (now->stale_since) {
    const auto stale = std::chrono::steady_clock::now() - *now->stale_since;
    model.stale_seconds = std::chrono::duration<double>(stale).count();
  }
  model.publish_seconds = publish_seconds_.data();
  model.rejected = now->rejected;
  for (const auto& endpoint : now->endpoints) ++model.endpoints[endpoint.state];
  model.cni = cni_.rows();
  model.port_kernel_drops = kernel_drops_.total(now->links, Clock::now());
  model.slots = now->slot_names;
  return model;
}

}  // namespace bulkhead::control::agent
