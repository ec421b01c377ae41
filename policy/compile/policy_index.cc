// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/policy_index.h"

#include <variant>

namespace bulkhead::compile {

std::vector<Prefix> named_prefixes(const model::Policy& policy) {
  std::vector<Prefix> named;
  for (const auto& rules : policy.rules) {
    for (const model::Rule& rule : rules) {
      for (const model::Peer& peer : rule.peers) {
        const auto* cidr = std::get_if<model::CidrPeer>(&peer);
        if (cidr == nullptr) continue;
        named.push_back(cidr->prefix);
        named.insert(named.end(), cidr->except.begin(), cidr->except.end());
      }
    }
  }
  return named;
}

PolicyIndex::PolicyIndex(const model::Cluster& cluster) {
  Effect effect;
  for (const auto& [id, policy] : cluster.policies) {
    add_prefixes(*policy, effect);
    place(id, *policy, effect);
  }
  for (const IpAddress& address : cluster.settings.dns_addresses) {
    fixed_.push_back(Prefix::host(address));
  }
  for (const auto& [key, pod] : cluster.pods) {
    if (pod->quarantine && pod->quarantine->forensic_peer) {
      fixed_.push_back(*pod->quarantine->forensic_peer);
    }
  }
}

PolicyIndex::Effect PolicyIndex::follow(const model::Cluster& before, const model::Cluster& now) {
  Effect effect;
  for_each_difference(before.policies, now.policies,
                      [&](const std::string& id, const auto& old, const auto& policy) {
                        // First what comes, so that a prefix that stays in use is never out of it.
                        if (policy != nullptr) add_prefixes(*policy, effect);
                        if (old != nullptr) remove(id, *old, effect);
                        if (policy != nullptr) place(id, *policy, effect);
                      });
  return effect;
}

void PolicyIndex::add_prefixes(const model::Policy& policy, Effect& effect) {
  for (const Prefix& prefix : named_prefixes(policy)) {
    if (uses_[prefix]++ == 0) effect.moves_prefixes = true;
  }
}

void PolicyIndex::place(const std::string& id, const model::Policy& policy, Effect& effect) {
  const auto [found, is_new] = of_namespace_.try_emplace(policy.namespace_name);
  if (is_new) effect.names_namespace = true;
  found->second.emplace(std::pair(policy.priority, id), &policy);
}

void PolicyIndex::remove(const std::string& id, const model::Policy& policy, Effect& effect) {
  of_namespace_.at(policy.namespace_name).erase({policy.priority, id});
  for (const Prefix& prefix : named_prefixes(policy)) {
    const auto use = uses_.find(prefix);
    if (--use->second > 0) continue;
    uses_.erase(use);
    effect.moves_prefixes = true;
  }
}

const PolicyIndex::Ordered& PolicyIndex::of(const std::string& namespace_name) const {
  static const Ordered kNone;
  const auto found = of_namespace_.find(namespace_name);
  return found != of_namespace_.end() ? found->second : kNone;
}

std::vector<Prefix> PolicyIndex::prefixes() const {
  std::vector<Prefix> prefixes = fixed_;
  for (const auto& [prefix, uses] : uses_) prefixes.push_back(prefix);
  return prefixes;
}

}  // namespace bulkhead::compile
