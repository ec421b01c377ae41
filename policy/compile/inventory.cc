// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/inventory.h"

#include <map>

#include "policy/compile/selectors.h"

namespace bulkhead::compile {
namespace {

std::string namespace_text(const model::Namespace& ns) {
  std::string text;
  append_part(text, ns.name);
  for (const auto& [key, value] : ns.labels) {
    append_part(text, key);
    append_part(text, value);
  }
  return text;
}

// What tells the pod from others of its namespace, into `text`.
void append_pod(std::string& text, const model::Pod& pod) {
  text += '|';
  for (const auto& [key, value] : pod.labels) {
    append_part(text, key);
    append_part(text, value);
  }
  text += '|';
  append_part(text, pod.service_account);
  text += '|';
  for (const model::ContainerPort& port : pod.ports) {
    if (port.name.empty()) continue;
    append_part(text, port.name);
    text += std::to_string(port.protocol);
    text += '/';
    text += std::to_string(port.port);
    text += ';';
  }
  if (pod.quarantine) {
    text += "|quarantined";
    append_part(text, pod.key.name);
    append_part(text, pod.uid);
    if (pod.quarantine->forensic_peer) text += pod.quarantine->forensic_peer->text();
  }
}

}  // namespace

Inventory::Inventory(const model::Cluster& cluster) {
  std::map<std::string_view, const model::Namespace*> known;
  for (const auto& [name, ns] : cluster.namespaces) known.emplace(ns->name, ns.get());
  const auto imply = [&](const std::string& name) {
    if (name.empty() || known.contains(name)) return;
    auto ns = std::make_shared<model::Namespace>();
    ns->name = name;
    ns->labels.emplace(model::kNamespaceNameLabel, name);
    implied_.push_back(ns);
    known.emplace(implied_.back()->name, implied_.back().get());
  };
  for (const auto& [key, pod] : cluster.pods) imply(key.namespace_name);
  for (const auto& [id, policy] : cluster.policies) imply(policy->namespace_name);
  for (const auto& [name, ns] : known) {
    namespace_index.emplace(name, static_cast<std::uint32_t>(namespaces.size()));
    namespaces.push_back(ns);
  }

  groups_of_namespace.resize(namespaces.size());
  std::unordered_map<std::string, std::uint32_t> seen;  // of the namespace at hand
  std::string prefix;
  std::uint32_t current = ~std::uint32_t{0};
  std::string text;
  for (const auto& [key, pod] : cluster.pods) {
    if (!pod->is_live()) continue;
    const std::uint32_t ns = namespace_index.at(key.namespace_name);
    if (ns != current) {
      current = ns;
      seen.clear();
      prefix = namespace_text(*namespaces[ns]);
      const auto first = static_cast<std::uint32_t>(groups.size());
      groups_of_namespace[ns] = {first, first};
    }
    text = prefix;
    append_pod(text, *pod);
    const auto [found, is_new] = seen.try_emplace(text, static_cast<std::uint32_t>(groups.size()));
    if (is_new) {
      groups.push_back({.namespace_index = ns, .pod = pod.get(), .key = text});
      groups_of_namespace[ns].end = static_cast<std::uint32_t>(groups.size());
    }
    pods.push_back(pod.get());
    group_of_pod.push_back(found->second);
  }
}

}  // namespace bulkhead::compile
