// SPDX-License-Identifier: Apache-2.0
#include "tests/property/policy/editor.h"

namespace bulkhead::testing {

void Editor::edit(model::Cluster& cluster, compile::LocalPods& local) {
  versions_.emplace_back(cluster, local);
  const std::uint64_t times = one_in(4) ? 2 + random_() % 4 : 1;
  for (std::uint64_t i = 0; i < times; ++i) edit_once(cluster, local);
}

void Editor::edit_once(model::Cluster& cluster, compile::LocalPods& local) {
  const model::Cluster donor = random_cluster(random_);
  switch (random_() % 20) {
    case 0:
      return take(cluster.pods, donor.pods);
    case 1:
      return take(cluster.nodes, donor.nodes);
    case 2:
      return take(cluster.namespaces, donor.namespaces);
    case 3:
      return change_settings(cluster, donor);
    case 4:
    case 5:
    case 6:
    case 7:
      return change_one(cluster.pods, cluster, donor);
    case 8:
    case 9:
      return change_one(cluster.namespaces, donor);
    case 10:
      return change_one(cluster.nodes, cluster);
    case 11:
    case 12:
      return change_one(cluster.policies, donor);
    case 13:
      return wipe(cluster);
    case 14: {
      const auto& [old, old_local] = versions_[random_() % versions_.size()];
      const auto settings = cluster.settings;
      cluster = old;
      if (one_in(2)) cluster.settings = settings;
      if (one_in(2)) local = old_local;
      return;
    }
    case 15:
      return move_pods(cluster, local);
    default:
      return take(cluster.policies, donor.policies);
  }
}

void Editor::change_settings(model::Cluster& cluster, const model::Cluster& donor) {
  auto& settings = cluster.settings;
  const auto& others = donor.settings;
  switch (random_() % 6) {
    case 0:
      settings.default_verdict =
          settings.default_verdict == Verdict::Deny ? Verdict::Allow : Verdict::Deny;
      return;
    case 1:
      settings.default_dns = !settings.default_dns;
      return;
    case 2:
      settings.exempt = others.exempt;
      return;
    case 3:
      settings.dns_addresses = others.dns_addresses;
      settings.dns_namespace = others.dns_namespace;
      settings.dns_pods = others.dns_pods;
      return;
    case 4:
      settings.pod_cidrs = others.pod_cidrs;
      return;
    default:
      settings = others;
  }
}

void Editor::change(model::Pod& pod, const model::Cluster& cluster, const model::Cluster& donor) {
  const model::Pod other = donor.pods.empty() ? model::Pod() : *any(donor.pods)->second;
  switch (random_() % 6) {
    case 0:
      if (pod.quarantine && one_in(2)) return pod.quarantine.reset();
      pod.quarantine.emplace();
      if (one_in(2)) pod.quarantine->forensic_peer = Prefix::host(random_address(random_));
      return;
    case 1:
      pod.labels = other.labels;
      return;
    case 2:
      pod.ips = {random_address(random_), random_address(random_)};
      return;
    case 3:  // another pod has it too
      pod.ips = any(cluster.pods)->second->ips;
      return;
    case 4:
      pod.ports = other.ports;
      return;
    default:
      one_in(2) ? pod.host_network = !pod.host_network : pod.finished = !pod.finished;
  }
}

void Editor::change(model::Namespace& space, const model::Cluster& donor) {
  switch (random_() % 3) {
    case 0:
      space.staged = !space.staged;
      return;
    case 1:
      space.default_deny = !space.default_deny;
      return;
    default:
      space.labels.clear();
      if (!donor.namespaces.empty()) space.labels = any(donor.namespaces)->second->labels;
      space.labels[model::kNamespaceNameLabel] = space.name;
  }
}

void Editor::change(model::Node& node, const model::Cluster& cluster) {
  node.addresses = {random_address(random_)};
  if (one_in(2) || cluster.pods.empty()) return;
  const auto& ips = any(cluster.pods)->second->ips;
  node.addresses.insert(node.addresses.end(), ips.begin(), ips.end());
}

void Editor::change(model::Policy& policy, const model::Cluster& donor) {
  if (one_in(3)) {
    policy.staged = !policy.staged;
    return;
  }
  for (const auto& [id, other] : donor.policies) {
    if (other->kind != policy.kind || other->tier != policy.tier) continue;
    switch (random_() % 3) {
      case 0:
        policy.rules = other->rules;
        return;
      case 1:
        policy.subject_pods = other->subject_pods;
        return;
      default:
        policy.priority = other->priority;
        return;
    }
  }
}

void Editor::wipe(model::Cluster& cluster) {
  switch (random_() % 4) {
    case 0:
      cluster.pods = {};
      return;
    case 1:
      cluster.policies = {};
      return;
    case 2:
      cluster.namespaces = {};
      return;
    default:
      cluster.nodes = {};
  }
}

void Editor::move_pods(const model::Cluster& cluster, compile::LocalPods& local) {
  if (one_in(2)) return local.reset();
  local.emplace();
  for (const auto& [key, pod] : cluster.pods) {
    if (one_in(2)) local->insert(key);
  }
}

}  // namespace bulkhead::testing
