// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/subjects.h"

#include <algorithm>
#include <utility>

#include "policy/compile/selectors.h"

namespace bulkhead::compile {
namespace {

constexpr std::size_t index_of(Direction direction) { return static_cast<std::size_t>(direction); }
constexpr std::size_t index_of(World world) { return static_cast<std::size_t>(world); }

// spec.policyTypes: absent means Ingress, and Egress if there are egress rules (facts.md 1.2 and
// the API reference of NetworkPolicySpec.policyTypes).
bool has_direction(const model::Policy& policy, Direction direction) {
  if (policy.policy_types && !policy.policy_types->empty()) {
    return std::ranges::find(*policy.policy_types, direction) != policy.policy_types->end();
  }
  return direction == Direction::Ingress || !policy.rules_of(Direction::Egress).empty();
}

}  // namespace

void SubjectFinder::forget(const std::set<std::string>& namespaces) {
  if (namespaces.contains("")) return known_.clear();
  std::erase_if(known_,
                [&](const auto& item) { return namespaces.contains(item.second.namespace_name); });
}

Result<std::vector<Subject>> SubjectFinder::find(std::span<const std::uint32_t> groups) {
  std::vector<Subject> subjects;
  for (Part& part : parts_of(groups)) {
    auto stances = stances_of(part);
    if (auto ok = resolver_.check_limit(); !ok) return tl::unexpected(ok.error());
    subjects.push_back({.group = part.group,
                        .identities = std::move(part.identities),
                        .stances = std::move(stances)});
  }
  std::erase_if(known_, [](const auto& item) { return !item.second.is_asked; });
  for (auto& [group, known] : known_) known.is_asked = false;
  return subjects;
}

std::vector<SubjectFinder::Part> SubjectFinder::parts_of(
    std::span<const std::uint32_t> groups) const {
  const std::uint32_t dns_set = resolver_.set_of_dns();
  const auto& dns = resolver_.sets()[dns_set];
  std::vector<Part> parts;
  for (const std::uint32_t group : groups) {
    Part others{.group = group, .identities = {}, .is_dns = false};
    Part servers{.group = group, .identities = {}, .is_dns = true};
    for (const std::uint32_t id : identities_.of_group(group)) {
      (std::ranges::binary_search(dns, id) ? servers : others).identities.push_back(id);
    }
    if (!others.identities.empty()) parts.push_back(std::move(others));
    if (!servers.identities.empty()) parts.push_back(std::move(servers));
  }
  // In an order that does not depend on how the cluster came to be as it is.
  std::ranges::sort(parts, {}, [](const Part& part) { return part.identities.front(); });
  return parts;
}

std::shared_ptr<const Stances> SubjectFinder::stances_of(const Part& part) {
  const auto& key = identities_.inventory().group(part.group).key;
  Known& known = known_[{part.group, part.is_dns}];
  if (known.group_key != key) {
    known = {.group_key = key,
             .namespace_name = identities_.inventory().namespace_of(part.group).name,
             .stances = std::make_shared<const Stances>(read(part.group, part.is_dns)),
             .is_asked = false};
  }
  known.is_asked = true;
  return known.stances;
}

// `is_dns`: these identities of the group are the cluster's DNS.
Stances SubjectFinder::read(std::uint32_t group, const bool is_dns) {
  const model::Pod& pod = *identities_.inventory().group(group).pod;
  const model::Namespace& ns = identities_.inventory().namespace_of(group);
  const auto selecting = policies_selecting(group);
  Stances stances;
  for (const Direction direction : kDirections) {
    Stance& stance = stances[index_of(direction)];
    if (pod.quarantine) {
      stance = quarantined(*pod.quarantine);
      continue;
    }
    add_defaults(ns, stance);
    for (const model::Tier tier :
         {model::Tier::Admin, model::Tier::NetworkPolicy, model::Tier::Baseline}) {
      for (const model::Policy* policy : selecting) {
        if (policy->tier == tier) add_policy(*policy, ns, direction, stance);
      }
    }
    const bool is_closed_by_default = std::ranges::any_of(
        stance.base, [](const Base& base) { return base.default_verdict == Verdict::Deny; });
    if (!is_closed_by_default || !cluster_.settings.default_dns) continue;
    if (direction == Direction::Egress) stance.rules.push_back(book_.dns_rule());
    if (direction == Direction::Ingress && is_dns) {
      stance.rules.push_back(book_.dns_server_rule());
    }
  }
  return stances;
}

// Namespaced and cluster-wide policies never share a tier's order by accident: both lists are
// sorted, and within the Admin and Baseline tiers only cluster-wide kinds exist.
std::vector<const model::Policy*> SubjectFinder::policies_selecting(std::uint32_t group) const {
  const model::Pod& pod = *identities_.inventory().group(group).pod;
  const model::Namespace& ns = identities_.inventory().namespace_of(group);
  std::vector<const model::Policy*> found;
  for (const auto& [order, policy] : policies_.cluster_wide()) {
    const bool has_namespace =
        !policy->subject_namespaces || matches(*policy->subject_namespaces, ns);
    if (has_namespace && matches(policy->subject_pods, pod)) found.push_back(policy);
  }
  for (const auto& [order, policy] : policies_.of(ns.name)) {
    if (matches(policy->subject_pods, pod)) found.push_back(policy);
  }
  return found;
}

Stance SubjectFinder::quarantined(const model::Quarantine& quarantine) {
  Stance stance;
  stance.is_quarantined = true;
  if (quarantine.forensic_peer) {
    stance.rules.push_back(book_.forensic_rule(*quarantine.forensic_peer));
  }
  return stance;
}

void SubjectFinder::add_defaults(const model::Namespace& ns, Stance& stance) const {
  const auto& settings = cluster_.settings;
  const bool is_node_closed =
      settings.default_verdict == Verdict::Deny && !settings.exempt.contains(ns.name);
  for (const World world : {World::Enforced, World::Staged}) {
    Base& base = stance.base[index_of(world)];
    const bool is_namespace_closed = ns.default_deny && (world == World::Staged || !ns.staged);
    base.default_verdict = is_namespace_closed || is_node_closed ? Verdict::Deny : Verdict::Allow;
    base.default_rule = is_namespace_closed ? RuleName::Namespace : RuleName::Node;
  }
}

// `ns`: the subject's, and so that of every policy of the NetworkPolicy tier.
void SubjectFinder::add_policy(const model::Policy& policy, const model::Namespace& ns,
                               Direction direction, Stance& stance) {
  if (policy.tier == model::Tier::NetworkPolicy) {
    if (!has_direction(policy, direction)) return;
    stance.base[index_of(World::Staged)].is_isolated = true;
    if (!policy.staged && !ns.staged) stance.base[index_of(World::Enforced)].is_isolated = true;
  }
  const auto& rules = book_.rules_of(policy, direction);
  stance.rules.insert(stance.rules.end(), rules.begin(), rules.end());
}

}  // namespace bulkhead::compile
