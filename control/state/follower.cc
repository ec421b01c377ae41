// SPDX-License-Identifier: Apache-2.0
#include "control/state/follower.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "control/state/merge_pod.h"
#include "policy/parse/view.h"

namespace bulkhead::control::state {
namespace {

// Behind every port there is.
constexpr PortId kElsewhere{std::numeric_limits<std::uint32_t>::max()};

// One policy that isolates every pod of a namespace both ways and allows nothing: all that a
// policy which nobody could read might have asked for without opening anything.
model::PolicyPtr closing_policy(const std::string& namespace_name) {
  auto policy = std::make_shared<model::Policy>();
  policy->kind = model::PolicyKind::NetworkPolicy;
  policy->namespace_name = namespace_name;
  policy->name = "(closed: a policy file of this namespace is broken)";
  policy->policy_types = {Direction::Egress, Direction::Ingress};
  policy->origin.file = "bulkhead-agent";
  return policy;
}

// A namespace that objects name and nobody declares.
model::NamespacePtr implied_namespace(const std::string& name) {
  auto space = std::make_shared<model::Namespace>();
  space->name = name;
  space->labels.emplace(model::kNamespaceNameLabel, name);
  return space;
}

template <class Map, class Ptr>
void put(Map& map, const typename Map::key_type& key, const Ptr& item) {
  const auto before = map.find(key);
  if (item == nullptr) {
    map.erase(key);
  } else if (before == map.end() || (before->second != item && *before->second != *item)) {
    map.insert_or_assign(key, item);
  }
}

// Each address once.
std::vector<IpAddress> distinct(const std::vector<IpAddress>& ips) {
  std::vector<IpAddress> kept;
  for (const auto& ip : ips) {
    if (std::ranges::find(kept, ip) == kept.end()) kept.push_back(ip);
  }
  return kept;
}

}  // namespace

Desired desired(const Inputs& inputs) { return Follower().follow(inputs); }

const Desired& Follower::follow(Inputs next) {
  std::map<model::PodKey, std::vector<Claim>> differ;
  for (const auto& key : pods_that_differ(next)) differ.emplace(key, claims_of(key));
  for_each_difference(
      inputs_.accepted.namespaces, next.accepted.namespaces,
      [&](const std::string& name, const auto&, const auto&) { moved_namespaces_.insert(name); });
  follow_attached(next.attached);
  follow_policies(next.accepted);
  inputs_ = std::move(next);

  for (const auto& [key, before] : differ) settle_claims(key, before);
  for (const auto& key : owners_.take_moved()) differ.try_emplace(key);
  for (const auto& [key, before] : differ) settle_pod(key);
  if (desired_.cluster.settings != inputs_.settings) desired_.cluster.settings = inputs_.settings;
  desired_.cluster.nodes = inputs_.accepted.nodes;
  desired_.addresses = owners_.owners();
  settle_namespaces();
  settle_local();
  settle_node_addresses();
  settle_warnings();
  return desired_;
}

std::set<model::PodKey> Follower::pods_that_differ(const Inputs& next) const {
  std::set<model::PodKey> keys;
  const auto note = [&](const model::PodKey& key, const auto&, const auto&) { keys.insert(key); };
  for_each_difference(inputs_.accepted.pods, next.accepted.pods, note);
  for_each_difference(inputs_.quarantines, next.quarantines, note);
  for_each_difference(inputs_.attached, next.attached,
                      [&](PortId, const AttachedPtr& old, const AttachedPtr& now) {
                        if (old != nullptr) keys.insert(old->pod);
                        if (now != nullptr) keys.insert(now->pod);
                      });
  return keys;
}

void Follower::follow_attached(const Attached& next) {
  const auto follow_one = [&](PortId port, const AttachedPtr& old, const AttachedPtr& now) {
    if (old != nullptr) {
      const auto ports = ports_of_.find(old->pod);
      ports->second.erase(port);
      if (ports->second.empty()) ports_of_.erase(ports);
      warn(port, old->pod, {});
    }
    if (now != nullptr) ports_of_[now->pod].insert(port);
  };
  for_each_difference(inputs_.attached, next, follow_one);
}

void Follower::follow_policies(const Accepted& next) {
  for_each_difference(
      inputs_.accepted.policies, next.policies,
      [&](const std::string& id, const auto&, const auto& now) { put_policy(id, now); });
  const auto& before = inputs_.accepted.closed_namespaces;
  for (const auto& name : before) {
    if (!next.closed_namespaces.contains(name)) put_policy(closing_policy(name)->id(), nullptr);
  }
  for (const auto& name : next.closed_namespaces) {
    if (before.contains(name)) continue;
    const auto policy = closing_policy(name);
    put_policy(policy->id(), policy);
  }
}

model::PodPtr Follower::written(const model::PodKey& key) const {
  const auto known = inputs_.accepted.pods.find(key);
  return known == inputs_.accepted.pods.end() ? nullptr : known->second;
}

std::vector<Follower::Claim> Follower::claims_of(const model::PodKey& key) const {
  std::vector<Claim> claims;
  const model::PodPtr pod = written(key);
  const auto ports = ports_of_.find(key);
  if (ports == ports_of_.end()) {
    if (pod == nullptr || !pod->is_live()) return claims;
    for (const auto& ip : distinct(pod->ips)) claims.emplace_back(ip, PortId{});
    return claims;
  }
  std::vector<std::string> ignored;
  for (const auto port : ports->second) {
    const AttachedPod& attached = *inputs_.attached.at(port);
    if (!merge_pod(attached, pod, ignored).is_live()) continue;
    for (const auto& ip : distinct(attached.ips)) claims.emplace_back(ip, port);
  }
  return claims;
}

void Follower::settle_claims(const model::PodKey& key, const std::vector<Claim>& before) {
  const auto now = claims_of(key);
  for (const auto& claim : before) {
    if (std::ranges::find(now, claim) != now.end()) continue;
    owners_.give_up(claim.first, {key, claim.second});
  }
  for (const auto& claim : now) {
    if (std::ranges::find(before, claim) != before.end()) continue;
    owners_.claim(claim.first, {key, claim.second});
  }
}

void Follower::settle_pod(const model::PodKey& key) {
  const auto ports = ports_of_.find(key);
  if (ports != ports_of_.end()) {
    warn(kElsewhere, key, {});
    return put_pod(key, attached_pod(key, ports->second));
  }
  moved_local_[key] = false;
  const model::PodPtr pod = written(key);
  if (pod == nullptr) warn(kElsewhere, key, {});
  put_pod(key, pod == nullptr ? nullptr : elsewhere_pod(pod));
}

// A pod with two interfaces (two attachments of one name) is one pod with all its addresses.
model::PodPtr Follower::attached_pod(const model::PodKey& key, const std::set<PortId>& ports) {
  std::optional<model::Pod> merged;
  std::vector<IpAddress> ips;
  moved_local_[key] = false;
  for (const auto port : ports) {
    const AttachedPod& attached = *inputs_.attached.at(port);
    std::vector<std::string> warnings;
    model::Pod pod = merge_pod(attached, written(key), warnings);
    if (pod.is_live()) {
      moved_local_[key] = true;
      for (const auto& ip : distinct(attached.ips)) {
        const Place& owner = owners_.owners().at(ip);
        if (owner == Place{key, port}) {
          ips.push_back(ip);
        } else {
          warnings.push_back(
              fmt::format("{}: {} is owned by {}", key.text(), ip.text(), owner.pod.text()));
        }
      }
    }
    warn(port, key, std::move(warnings));
    if (!merged) merged = std::move(pod);
  }
  merged->ips = std::move(ips);
  model::PodPtr pod = std::make_shared<const model::Pod>(std::move(*merged));
  quarantine(pod);
  return parse::with_service_account(pod);
}

model::PodPtr Follower::elsewhere_pod(const model::PodPtr& written) {
  model::PodPtr pod = written;
  std::vector<std::string> warnings;
  if (written->is_live()) {
    std::vector<IpAddress> ips;
    for (const auto& ip : distinct(written->ips)) {
      const Place& owner = owners_.owners().at(ip);
      if (owner == Place{written->key, PortId{}}) {
        ips.push_back(ip);
        continue;
      }
      warnings.push_back(fmt::format("{}: {} belongs to {}{}", written->key.text(), ip.text(),
                                     owner.pod.text(),
                                     owner.port.value == 0 ? "" : ", which is attached here"));
    }
    if (ips != written->ips) {
      auto copy = std::make_shared<model::Pod>(*written);
      copy->ips = std::move(ips);
      pod = std::move(copy);
    }
  }
  warn(kElsewhere, written->key, std::move(warnings));
  quarantine(pod);
  return parse::with_service_account(pod);
}

void Follower::quarantine(model::PodPtr& pod) const {
  const auto record = inputs_.quarantines.find(pod->key);
  if (record == inputs_.quarantines.end() || !record->second.applies_to(pod->uid)) return;
  auto copy = std::make_shared<model::Pod>(*pod);
  copy->quarantine = record->second.quarantine;
  pod = std::move(copy);
}

void Follower::put_pod(const model::PodKey& key, model::PodPtr pod) {
  const bool was_there = desired_.cluster.pods.contains(key);
  put(desired_.cluster.pods, key, pod);
  if (was_there != (pod != nullptr)) name_namespace(key.namespace_name, pod != nullptr);
}

void Follower::put_policy(const std::string& id, const model::PolicyPtr& policy) {
  const auto before = desired_.cluster.policies.find(id);
  if (before != desired_.cluster.policies.end()) {
    name_namespace(before->second->namespace_name, false);
  }
  if (policy != nullptr) name_namespace(policy->namespace_name, true);
  if (policy == nullptr) {
    desired_.cluster.policies.erase(id);
  } else {
    desired_.cluster.policies.insert_or_assign(id, policy);
  }
}

void Follower::name_namespace(const std::string& name, bool is_named) {
  if (name.empty()) return;
  const auto known = named_.try_emplace(name, 0).first;
  known->second = is_named ? known->second + 1 : known->second - 1;
  if (known->second <= 1) moved_namespaces_.insert(name);
  if (known->second == 0) named_.erase(known);
}

void Follower::settle_namespaces() {
  for (const auto& name : std::exchange(moved_namespaces_, {})) {
    const auto declared = inputs_.accepted.namespaces.find(name);
    model::NamespacePtr space;
    if (declared != inputs_.accepted.namespaces.end()) {
      space = parse::with_name_label(declared->second);
    } else if (named_.contains(name)) {
      space = implied_namespace(name);
    }
    put(desired_.cluster.namespaces, name, space);
  }
}

void Follower::settle_local() {
  const auto& before = **desired_.local;
  std::erase_if(moved_local_,
                [&](const auto& item) { return before.contains(item.first) == item.second; });
  if (moved_local_.empty()) return;
  auto local = std::make_shared<compile::LocalPods>(before);
  for (const auto& [key, is_local] : std::exchange(moved_local_, {})) {
    if (is_local) {
      (*local)->insert(key);
    } else {
      (*local)->erase(key);
    }
  }
  desired_.local = std::move(local);
}

void Follower::settle_node_addresses() {
  std::set<IpAddress> addresses;
  for (const auto& address : inputs_.node_addresses) {
    if (!desired_.addresses.contains(address)) addresses.insert(address);
  }
  desired_.node_addresses = std::move(addresses);
}

void Follower::warn(PortId port, const model::PodKey& key, std::vector<std::string> texts) {
  const auto before = warnings_.find({port, key});
  if (before == warnings_.end() ? texts.empty() : before->second == texts) return;
  has_new_warnings_ = true;
  if (texts.empty()) {
    warnings_.erase(before);
  } else {
    warnings_.insert_or_assign({port, key}, std::move(texts));
  }
}

void Follower::settle_warnings() {
  if (!std::exchange(has_new_warnings_, false)) return;
  desired_.warnings.clear();
  for (const auto& [place, texts] : warnings_) {
    desired_.warnings.insert(desired_.warnings.end(), texts.begin(), texts.end());
  }
}

}  // namespace bulkhead::control::state
