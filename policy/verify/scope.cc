// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/scope.h"

#include <algorithm>

#include "policy/oracle/match.h"
#include "policy/verify/cuts.h"

namespace bulkhead::verify {
namespace {

void add(Scope& scope, const model::PolicyPtr& policy) {
  if (policy == nullptr) return;
  for (const Direction direction : kDirections) {
    const bool says_something =
        oracle::applies_to(*policy, direction) || !policy->rules_of(direction).empty();
    if (says_something) scope.policies[static_cast<std::size_t>(direction)].push_back(policy);
  }
}

}  // namespace

bool Scope::has_subject(const model::Cluster& cluster, Direction direction,
                        const model::Pod& pod) const {
  if (spaces.contains(pod.key.namespace_name)) return true;
  return std::ranges::any_of(
      policies[static_cast<std::size_t>(direction)],
      [&](const auto& policy) { return oracle::selects(cluster, *policy, pod); });
}

bool Scope::is_empty() const {
  return spaces.empty() &&
         std::ranges::all_of(policies, [](const auto& texts) { return texts.empty(); });
}

std::optional<std::set<std::string>> Scope::namespaces() const {
  std::set<std::string> names = spaces;
  for (const auto& texts : policies) {
    for (const auto& policy : texts) {
      if (policy->namespace_name.empty()) return {};
      names.insert(policy->namespace_name);
    }
  }
  return names;
}

Scope scope_between(const model::Cluster& before, const model::Cluster& after) {
  Scope scope;
  for_each_difference(
      before.namespaces, after.namespaces,
      [&](const std::string& name, const auto&, const auto&) { scope.spaces.insert(name); });
  for_each_difference(before.policies, after.policies,
                      [&](const std::string&, const auto& old, const auto& now) {
                        add(scope, old);
                        add(scope, now);
                      });
  if (before.nodes == after.nodes) return scope;
  for (const auto& [id, policy] : after.policies) {
    if (names_nodes(policy)) add(scope, policy);
  }
  return scope;
}

}  // namespace bulkhead::verify
