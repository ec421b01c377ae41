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
  seen->endpoints = endpoint_reports();
  seen->policies = policy_reports();
  seen->lost = lost_.all();
  seen->links = counted_links();
  seen->in_force = publisher_.in_force();
  const auto before = around_.view.seen();
  const auto& slots = publisher_.slots();
  if (before->slots && before->slots->size() == slots.size()) {
    // Slots are only ever added while a data plane lives.
    seen->slots = before->slots;
    seen->slot_names = before->slot_names;
  } else {
    seen->slots = std::make_shared<const Slots>(slots);
    auto names = std::make_shared<metrics::SlotNames>();
    for (const auto& [slot, info] : slots) names->push_back(info);
    seen->slot_names = std::move(names);
  }
  seen->stats = stats_;
  seen->rejected = rejected_;
  seen->stale_since = stale_since_;
  seen->is_ready = client_ && publisher_.in_force().table && hello_.workers > 0 &&
                   publisher_.acknowledged().revision.value != 0;
  around_.view.publish(std::move(seen));
}

std::vector<CountedLink> Control::counted_links() const {
  std::vector<CountedLink> links;
  if (host_) {
    links.push_back({host_->node_generation, {"", 0, host_->links.node_name}});
    links.push_back({host_->outside_generation, {"", 0, host_->links.outside_name}});
  }
  for (const auto& [key, endpoint] : endpoints_) {
    if (endpoint.state == Endpoint::State::Closed) continue;
    const auto& record = endpoint.record;
    links.push_back({record.generation, {record.attachment.netns, record.netns_inode, key.ifname}});
  }
  return links;
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
  for (const auto& unit : store_.units()) {
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

std::vector<api::EndpointReport> Control::endpoint_reports() const {
  std::vector<api::EndpointReport> reports;
  const auto& desired = publisher_.in_force().desired;
  const auto& addresses = publisher_.acknowledged().addresses;
  for (const auto& [key, endpoint] : endpoints_) {
    const auto& record = endpoint.record;
    api::EndpointReport report;
    report.container_id = key.container_id;
    report.ifname = key.ifname;
    report.pod_namespace = record.attachment.pod_namespace;
    report.pod_name = record.attachment.pod_name;
    report.mac = endpoint::text_of(record.mac);
    report.port = record.port.value;
    report.mtu = record.mtu;
    for (const auto& ip : record.ips()) {
      report.ips.push_back(ip.text());
      const auto entry = addresses.find(ip);
      report.identities.push_back(entry == addresses.end() ? 0 : entry->second.identity.value);
    }
    switch (endpoint.state) {
      case Endpoint::State::Wiring:
        report.state = "wiring";
        break;
      case Endpoint::State::Ready:
        report.state = "ready";
        break;
      case Endpoint::State::Closed:
        report.state = "closed";
        break;
    }
    if (desired) {
      const auto pod = desired->cluster.pods.find(pod_of(record));
      if (pod != desired->cluster.pods.end()) {
        report.labels.insert(pod->second->labels.begin(), pod->second->labels.end());
        if (pod->second->quarantine && endpoint.state == Endpoint::State::Ready) {
          report.state = "quarantined";
        }
      }
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

std::vector<api::PolicyReport> Control::policy_reports() const {
  std::map<std::string, std::string> broken;
  for (const auto& unit : store_.units()) {
    if (unit.is_broken && !unit.errors.empty()) broken[unit.unit] = unit.errors.front().text();
  }
  std::vector<api::PolicyReport> reports;
  if (!publisher_.in_force().desired) return reports;
  for (const auto& [id, policy] : publisher_.in_force().desired->cluster.policies) {
    api::PolicyReport report{id, policy->origin.text(), "in_force", ""};
    if (const auto error = broken.find(policy->origin.file); error != broken.end()) {
      report.state = "last_accepted";
      report.error = error->second;
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace bulkhead::control::agent
