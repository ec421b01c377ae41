// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/policy_index.h"

#include <algorithm>
#include <variant>

#include "policy/compile/node_peers.h"

namespace bulkhead::compile {
namespace {

template <class Note>
void for_each_peer(const model::Policy& policy, const Note& note) {
  for (const auto& rules : policy.rules) {
    for (const model::Rule& rule : rules) std::ranges::for_each(rule.peers, note);
  }
}

std::vector<Prefix> forensic_prefix(const model::PodPtr& pod) {
  if (pod == nullptr || !pod->quarantine || !pod->quarantine->forensic_peer) return {};
  return {*pod->quarantine->forensic_peer};
}

bool names_nodes(const model::Policy& policy) {
  bool names = false;
  for_each_peer(policy, [&](const model::Peer& peer) {
    names = names || std::holds_alternative<model::NodePeer>(peer);
  });
  return names;
}

}  // namespace

std::vector<Prefix> named_prefixes(const model::Cluster& cluster, const model::Policy& policy) {
  std::vector<Prefix> named;
  for_each_peer(policy, [&](const model::Peer& peer) {
    if (const auto* cidr = std::get_if<model::CidrPeer>(&peer)) {
      named.push_back(cidr->prefix);
      named.insert(named.end(), cidr->except.begin(), cidr->except.end());
    } else if (const auto* nodes = std::get_if<model::NodePeer>(&peer)) {
      const auto prefixes = node_prefixes(cluster, *nodes);
      named.insert(named.end(), prefixes.begin(), prefixes.end());
    }
  });
  return named;
}

PolicyIndex::Change PolicyIndex::follow(const model::Cluster& before, const model::Cluster& now) {
  Change change;
  if (uses_.empty()) {
    std::vector<Prefix> fixed;
    for (const IpAddress& address : now.settings.dns_addresses) {
      fixed.push_back(Prefix::host(address));
    }
    use(fixed);
  }
  for_each_difference(before.pods, now.pods, [&](const auto&, const auto& old, const auto& pod) {
    use(forensic_prefix(pod));
    leave(forensic_prefix(old));
  });
  const auto note = [&](const std::string& id, const auto& old, const auto& policy) {
    for (const auto& one : {old, policy}) {
      if (one != nullptr) change.spaces.insert(one->namespace_name);
    }
    if (old != nullptr) {
      leave(named_prefixes(before, *old));
      of_namespace_.at(old->namespace_name).erase({old->priority, id});
    }
    if (policy != nullptr) {
      use(named_prefixes(now, *policy));
      has_named_nodes_ = has_named_nodes_ || names_nodes(*policy);
      of_namespace_[policy->namespace_name].emplace(std::pair(policy->priority, id), policy.get());
    }
  };
  for_each_difference(before.policies, now.policies, note);
  for (const auto& [prefix, was_used] : touched_) {
    const auto use = uses_.find(prefix);
    const bool is_used = use->second > 0;
    if (is_used && !was_used) change.come.push_back(prefix);
    if (!is_used && was_used) change.gone.push_back(prefix);
    if (!is_used) uses_.erase(use);
  }
  touched_.clear();
  return change;
}

void PolicyIndex::use(const std::vector<Prefix>& prefixes) {
  for (const Prefix& prefix : prefixes) {
    const std::uint32_t uses = uses_[prefix]++;
    touched_.try_emplace(prefix, uses > 0);
  }
}

void PolicyIndex::leave(const std::vector<Prefix>& prefixes) {
  for (const Prefix& prefix : prefixes) {
    --uses_[prefix];
    touched_.try_emplace(prefix, true);
  }
}

const PolicyIndex::Ordered& PolicyIndex::of(const std::string& namespace_name) const {
  static const Ordered kNone;
  const auto found = of_namespace_.find(namespace_name);
  return found != of_namespace_.end() ? found->second : kNone;
}

}  // namespace bulkhead::compile
