// SPDX-License-Identifier: Apache-2.0
#include "control/agent/seen.h"

namespace bulkhead::control::agent {
namespace {

model::PodPtr pod_in_force(const Seen& seen, const endpoint::EndpointRecord& record) {
  if (!seen.in_force.desired) return nullptr;
  const auto& pods = seen.in_force.desired->cluster.pods;
  const auto known = pods.find(pod_of(record));
  return known == pods.end() ? nullptr : known->second;
}

std::string state_of(const model::PodPtr& pod, Endpoint::State state) {
  switch (state) {
    case Endpoint::State::Wiring:
      return "wiring";
    case Endpoint::State::Ready:
      return pod != nullptr && pod->quarantine ? "quarantined" : "ready";
    case Endpoint::State::Closed:
      return "closed";
  }
  return "unknown";
}

}  // namespace

std::string state_of(const Seen& seen, const Seen::SeenEndpoint& endpoint) {
  return state_of(pod_in_force(seen, *endpoint.record), endpoint.state);
}

std::vector<api::EndpointReport> endpoint_reports(const Seen& seen) {
  std::vector<api::EndpointReport> reports;
  for (const auto& endpoint : seen.endpoints) {
    const auto& record = *endpoint.record;
    const model::PodPtr pod = pod_in_force(seen, record);
    api::EndpointReport report;
    report.container_id = record.attachment.container_id;
    report.ifname = record.attachment.ifname;
    report.pod_namespace = record.attachment.pod_namespace;
    report.pod_name = record.attachment.pod_name;
    report.mac = endpoint::text_of(record.mac);
    report.port = record.port.value;
    report.mtu = record.mtu;
    report.state = state_of(pod, endpoint.state);
    for (const auto& ip : record.ips()) {
      report.ips.push_back(ip.text());
      const auto entry = seen.held.find(ip);
      report.identities.push_back(entry == seen.held.end() ? 0 : entry->second.identity.value);
    }
    if (pod != nullptr) report.labels.insert(pod->labels.begin(), pod->labels.end());
    reports.push_back(std::move(report));
  }
  return reports;
}

std::vector<api::PolicyReport> policy_reports(const Seen& seen) {
  std::vector<api::PolicyReport> reports;
  if (!seen.in_force.desired) return reports;
  for (const auto& [id, policy] : seen.in_force.desired->cluster.policies) {
    api::PolicyReport report{id, policy->origin.text(), "in_force", ""};
    if (const auto error = seen.broken.find(policy->origin.file); error != seen.broken.end()) {
      report.state = "last_accepted";
      report.error = error->second;
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

std::vector<CountedLink> counted_links(const Seen& seen) {
  std::vector<CountedLink> links = seen.host_links;
  for (const auto& endpoint : seen.endpoints) {
    if (endpoint.state == Endpoint::State::Closed) continue;
    const auto& record = *endpoint.record;
    const auto& attachment = record.attachment;
    links.push_back({record.generation, {attachment.netns, record.netns_inode, attachment.ifname}});
  }
  return links;
}

}  // namespace bulkhead::control::agent
