// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/view.h"

#include <unordered_map>

namespace bulkhead::parse {
namespace {

Error written_twice(std::string_view what, const model::Origin& second,
                    const model::Origin& first) {
  return {fmt::format("{} is already written at {}; keep one", what, first.text()), second.text()};
}

void declare(model::Cluster& cluster, const std::string& name, const model::Origin& origin) {
  if (name.empty() || cluster.namespaces.contains(name)) return;
  auto space = std::make_shared<model::Namespace>();
  space->name = name;
  space->labels.emplace(model::kNamespaceNameLabel, name);
  space->origin = origin;
  cluster.namespaces.emplace(name, std::move(space));
}

Status add_namespaces(model::Cluster& cluster, const Objects& objects) {
  for (const auto& space : objects.namespaces) {
    const auto [at, is_new] = cluster.namespaces.emplace(space->name, with_name_label(space));
    if (is_new) continue;
    return tl::unexpected(
        written_twice(fmt::format("Namespace {}", space->name), space->origin, at->second->origin));
  }
  return {};
}

Status add_pods(model::Cluster& cluster, const Objects& objects) {
  std::unordered_map<IpAddress, const model::Pod*> owners;
  for (const auto& pod : objects.pods) {
    const auto [at, is_new] = cluster.pods.emplace(pod->key, with_service_account(pod));
    if (!is_new) {
      return tl::unexpected(written_twice(fmt::format("{} {}", pod->kind, pod->key.text()),
                                          pod->origin, at->second->origin));
    }
    declare(cluster, pod->key.namespace_name, pod->origin);
    if (!pod->is_live()) continue;
    for (const auto& ip : pod->ips) {
      const auto [owner, is_free] = owners.emplace(ip, pod.get());
      if (is_free) continue;
      return tl::unexpected(
          Error{fmt::format("pod {} claims the address {} that pod {} at {} has", pod->key.text(),
                            ip.text(), owner->second->key.text(), owner->second->origin.text()),
                pod->origin.text()});
    }
  }
  return {};
}

Status add_policies(model::Cluster& cluster, const Objects& objects) {
  for (const auto& policy : objects.policies) {
    const auto [at, is_new] = cluster.policies.emplace(policy->id(), policy);
    if (!is_new) {
      return tl::unexpected(written_twice(policy->id(), policy->origin, at->second->origin));
    }
    declare(cluster, policy->namespace_name, policy->origin);
  }
  return {};
}

// Two nodes may share an address, such as one external address before both.
Status add_nodes(model::Cluster& cluster, const Objects& objects) {
  for (const auto& node : objects.nodes) {
    const auto [at, is_new] = cluster.nodes.emplace(node->name, node);
    if (is_new) continue;
    return tl::unexpected(
        written_twice(fmt::format("Node {}", node->name), node->origin, at->second->origin));
  }
  return {};
}

}  // namespace

model::NamespacePtr with_name_label(const model::NamespacePtr& space) {
  const auto label = space->labels.find(model::kNamespaceNameLabel);
  if (label != space->labels.end() && label->second == space->name) return space;
  auto copy = std::make_shared<model::Namespace>(*space);
  copy->labels[model::kNamespaceNameLabel] = copy->name;
  return copy;
}

model::PodPtr with_service_account(const model::PodPtr& pod) {
  const std::string account = pod->service_account.empty() ? "default" : pod->service_account;
  const auto label = pod->labels.find(model::kServiceAccountLabel);
  if (label != pod->labels.end() && label->second == account) return pod;
  auto copy = std::make_shared<model::Pod>(*pod);
  copy->service_account = account;
  copy->labels[model::kServiceAccountLabel] = account;
  return copy;
}

Result<model::Cluster> build_cluster(const Objects& objects, const model::Settings& settings) {
  model::Cluster cluster;
  cluster.settings = settings;
  for (const auto add : {add_namespaces, add_pods, add_policies, add_nodes}) {
    if (auto status = add(cluster, objects); !status) return tl::unexpected(status.error());
  }
  return cluster;
}

}  // namespace bulkhead::parse
