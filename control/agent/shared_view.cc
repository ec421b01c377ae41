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
  const auto found = now->slots.find(slot);
  if (found == now->slots.end()) return std::nullopt;
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

std::shared_ptr<const metrics::SlotNames> SharedView::names_of(const apply::Slots& slots) const {
  const std::lock_guard lock(named_mutex_);
  if (names_ != nullptr && named_ == slots) return names_;
  auto names = std::make_shared<metrics::SlotNames>();
  for (const auto& [slot, info] : slots) names->push_back(info);
  named_ = slots;
  names_ = std::move(names);
  return names_;
}

metrics::ReadModel SharedView::read() const {
  const auto now = seen();
  metrics::ReadModel model;
  model.stats = now->stats;
  model.revision_desired = now->status.revision_desired;
  model.revision_verified = now->status.revision_verified;
  model.revision_acknowledged = now->status.revision_acknowledged;
  model.verified_ratio = now->status.verified_ratio;
  model.stale_seconds = now->stale_seconds();
  model.publish_seconds = publish_seconds_.data();
  model.rejected = now->rejected;
  for (const auto& endpoint : now->endpoints) ++model.endpoints[state_of(*now, endpoint)];
  model.cni = cni_.rows();
  model.port_kernel_drops = kernel_drops_.total(counted_links(*now), Clock::now());
  model.slots = names_of(now->slots);
  return model;
}

}  // namespace bulkhead::control::agent
