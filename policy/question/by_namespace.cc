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
    for (const auto& ip : pod->ips) addresses_.emplace_back(ip, pod.get());
  }
  std::ranges::stable_sort(addresses_, {}, [](const auto& named) { return named.first; });
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

const Pod* ByNamespace::pod_in(const model::CidrPeer& block) const {
  const auto is_past = [this](auto at, const Prefix& prefix) {
    return std::partition_point(at, addresses_.end(),
                                [&](const auto& named) { return prefix.contains(named.first); });
  };
  auto at = std::ranges::lower_bound(addresses_, block.prefix.address(), {},
                                     [](const auto& named) { return named.first; });
  const auto end = is_past(at, block.prefix);
  while (at != end) {
    const auto hole = std::ranges::find_if(
        block.except, [&](const Prefix& except) { return except.contains(at->first); });
    if (hole == block.except.end()) return at->second;
    at = is_past(at, *hole);
  }
  return nullptr;
}

}  // namespace bulkhead::question
