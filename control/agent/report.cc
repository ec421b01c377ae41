// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "control/agent/control.h"
#include "control/agent/version.h"

namespace bulkhead::control::agent {
namespace {

std::string text_of(const char* begin, std::size_t size) {
  return {begin, std::find(begin, begin + size, '\0')};
}

}  // namespace

// Publishes one consistent picture of the control thread's state to every other thread.
void Control::show() {
  is_shown_ = true;
  auto seen = std::make_shared<Seen>();
  seen->status = status_report();
  for (const auto& [key, endpoint] : endpoints_) {
    seen->endpoints.push_back({endpoint.shared_record(), endpoint.state});
  }
  for (auto& unit : store_.broken()) {
    if (!unit.errors.empty()) seen->broken[unit.unit] = unit.errors.front().text();
  }
  seen->lost = lost_.all();
  if (host_) {
    seen->host_links = {{host_->node_generation, {"", 0, host_->links.node_name}},
                        {host_->outside_generation, {"", 0, host_->links.outside_name}}};
  }
  seen->in_force = publisher_.in_force();
  seen->held = publisher_.acknowledged().addresses.entries();
  seen->slots = publisher_.slots();
  seen->stats = stats_;
  seen->rejected = rejected_;
  seen->stale_since = stale_since_;
  seen->is_ready = client_ && publisher_.in_force().table && hello_.workers > 0 &&
                   publisher_.acknowledged().revision.value != 0;
  around_.view.publish(std::move(seen));
}

api::StatusReport Control::status_report() const {
  api::StatusReport report;
  report.version = kVersion;
  report.dataplane_connected = client_ != nullptr;
  if (client_) {
    report.dataplane_pid = hello_.pid;
    report.workers = hello_.workers;
    report.io_method = text_of(hello_.io_method, sizeof hello_.io_method);
    report.io_reason = text_of(hello_.io_reason, sizeof hello_.io_reason);
  }
  const auto& acknowledged = publisher_.acknowledged();
  report.revision_desired = publisher_.compiled().value;
  report.revision_verified = publisher_.verified().value;
  report.revision_acknowledged = acknowledged.revision.value;
  report.epoch = acknowledged.epoch;
  report.verified_ratio = publisher_.verified_ratio();
  if (publisher_.in_force().desired) {
    report.policies = publisher_.in_force().desired->cluster.policies.size();
  }
  report.endpoints = endpoints_.size();
  report.default_verdict = name_of(around_.config.default_verdict);
  for (const auto& unit : store_.broken()) {
    for (const auto& error : unit.errors) report.errors.push_back({error.where, error.message});
  }
  if (source_->failure()) {
    report.errors.push_back({source_->failure()->where, source_->failure()->message});
  }
  if (outcomes_.refusal) {
    const auto& refusal = *outcomes_.refusal;
    report.errors.push_back({refusal.cause, refusal.error.text()});
  }
  if (!client_) report.errors.push_back({"dataplane", connect_error_});
  report.is_publishing_blocked = blocked_.has_value();
  report.blocked_reason = blocked_.value_or("");
  return report;
}

}  // namespace bulkhead::control::agent
