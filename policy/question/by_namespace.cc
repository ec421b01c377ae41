// SPDX-License-Identifier: Apache-2.0
#include "policy/question/by_namespace.h"

#include <algorithm>

namespace bulkhead::question {

using model::Pod;
using model::Policy;

ByNamespace::ByNamespace(const model::Cluster& cluster) {
  for (const auto& [key, pod] : cluster.pods) {
    if (!pod->is_live()) continue;
    pods_.push_back(pod.get());
    if (names_.empty() || names_.back() != key.namespace_name) names_.push_back(key.namespace_name);
    for (const auto& ip : pod->ips) addresses_.emplace_back(ip, pod.get());
  }
  std::ranges::stable_sort(addresses_, {}, &Address::first);
  for (const auto& [id, policy] : cluster.policies) policies_.push_back(policy.get());
  std::ranges::stable_sort(policies_, {}, &Policy::priority);
  for (const auto* policy : policies_) policies_of_[policy->namespace_name].push_back(policy);
}

ByNamespace::Pods ByNamespace::pods(const std::string& name) const {
  const auto found = std::ranges::equal_range(
      pods_, name, {},
      [](const Pod* pod) -> const std::string& { return pod->key.namespace_name; });
  return {found.begin(), found.end()};
}

ByNamespace::Policies ByNamespace::policies(const std::string& name) const {
  const auto found = policies_of_.find(name);
  return found != policies_of_.end() ? Policies(found->second) : Policies();
}

std::span<const ByNamespace::Address> ByNamespace::addresses_in(const Prefix& block) const {
  const auto first = std::ranges::lower_bound(addresses_, block.address(), {}, &Address::first);
  const auto end = std::partition_point(first, addresses_.end(), [&](const Address& address) {
    return block.contains(address.first);
  });
  return {first, end};
}

const Pod* ByNamespace::pod_in(const model::CidrPeer& block) const {
  for (auto rest = addresses_in(block.prefix); !rest.empty();) {
    const auto hole = std::ranges::find_if(
        block.except, [&](const Prefix& except) { return except.contains(rest.front().first); });
    if (hole == block.except.end()) return rest.front().second;
    rest = {addresses_in(*hole).end(), rest.end()};
  }
  return nullptr;
}

}  // namespace bulkhead::question
