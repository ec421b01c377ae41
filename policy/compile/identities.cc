// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/identities.h"

#include <algorithm>
#include <tuple>

#include "policy/compile/label_index.h"
#include "policy/compile/sorted.h"
#include "policy/table/format.h"

namespace bulkhead::compile {
namespace {

template <class Map, class Key>
typename Map::mapped_type value_or_none(const Map& map, const Key& key) {
  const auto found = map.find(key);
  return found != map.end() ? found->second : typename Map::mapped_type{};
}

// The live pods of a namespace.
template <class Note>
void for_each_pod_in(const model::Cluster& cluster, const std::string& name, const Note& note) {
  for (auto at = cluster.pods.lower_bound({name, {}});
       at != cluster.pods.end() && at->first.namespace_name == name; ++at) {
    note(at->first, at->second);
  }
}

}  // namespace

Result<Identities::Change> Identities::follow(const model::Cluster& before,
                                              const model::Cluster& now,
                                              std::span<const Prefix> come,
                                              std::span<const Prefix> gone, Numbers& numbers) {
  Change change;
  std::set<std::string> moved_spaces;
  for_each_difference(before.namespaces, now.namespaces,
                      [&](const std::string& name, const auto& old, const auto& ns) {
                        if (Inventory::text_of(name, old) != Inventory::text_of(name, ns)) {
                          moved_spaces.insert(name);
                        } else if (inventory_.space(name) != nullptr) {
                          inventory_.set_space(name, ns);  // what it asks of its own pods
                        }
                      });
  std::vector<Prefix> prefixes(come.begin(), come.end());
  prefixes.insert(prefixes.end(), gone.begin(), gone.end());
  plan_pods(before, now, moved_spaces, prefixes, change);
  for (auto& move : change.pods) leave(move);
  for (const std::string& name : moved_spaces) {
    if (inventory_.space(name) != nullptr) {
      inventory_.set_space(name, value_or_none(now.namespaces, name));
    }
  }
  for (const Prefix& prefix : come) regions_.add(prefix);
  for (const Prefix& prefix : gone) regions_.remove(prefix);
  for (auto& move : change.pods) enter(now, move);
  if (auto ok = number_outside(come, gone, numbers, change); !ok) return tl::unexpected(ok.error());
  if (auto ok = number_parts(numbers, change); !ok) return tl::unexpected(ok.error());
  settle_addresses(now);
  regions_.recycle();
  std::ranges::sort(change.come);
  std::ranges::sort(change.gone);
  return change;
}

// The pods that are others, all pods of a namespace that is another, and those that have an
// address in a prefix that comes or goes.
void Identities::plan_pods(const model::Cluster& before, const model::Cluster& now,
                           const std::set<std::string>& moved_spaces,
                           std::span<const Prefix> prefixes, Change& change) const {
  const auto plan = [&](const model::PodPtr& old, const model::PodPtr& pod) {
    change.pods.push_back({.before = old != nullptr && old->is_live() ? old : nullptr,
                           .now = pod != nullptr && pod->is_live() ? pod : nullptr});
  };
  for_each_difference(before.pods, now.pods,
                      [&](const model::PodKey& key, const auto& old, const auto& pod) {
                        if (!moved_spaces.contains(key.namespace_name)) plan(old, pod);
                      });
  for (const std::string& name : moved_spaces) {
    for_each_pod_in(before, name, [&](const auto&, const auto& pod) { plan(pod, nullptr); });
    for_each_pod_in(now, name, [&](const auto&, const auto& pod) { plan(nullptr, pod); });
  }
  std::set<model::PodKey> inside;
  for (const Prefix& prefix : prefixes) {
    for (auto at = addresses_.lower_bound(prefix.address());
         at != addresses_.end() && prefix.contains(at->first); ++at) {
      inside.insert(at->second.pod);
      const auto others = shared_.find(at->first);
      if (others != shared_.end()) inside.insert(others->second.begin(), others->second.end());
    }
  }
  for (const auto& move : change.pods) {
    if (inside.empty()) break;
    inside.erase(move.before != nullptr ? move.before->key
                                        : (move.now != nullptr ? move.now->key : model::PodKey{}));
  }
  for (const model::PodKey& key : inside) plan(before.pods.at(key), now.pods.at(key));
}

Identities::Part* Identities::find_part(std::uint32_t group, std::uint32_t region) {
  const auto part = std::ranges::find(parts_[group], region, &Part::region);
  return part != parts_[group].end() ? &*part : nullptr;
}

void Identities::touch(std::uint32_t group, std::uint32_t region, bool is_gone) {
  if (group >= parts_.size()) parts_.resize(group + 1);
  Part* part = find_part(group, region);
  if (part == nullptr) {
    parts_[group].push_back({.region = region, .uses = 0, .id = {}});
    part = &parts_[group].back();
  }
  part->uses += is_gone ? ~std::uint32_t{0} : 1;
  if (part->uses == 0 || part->id.value == 0) touched_.emplace_back(group, region);
}

void Identities::leave(Change::Move& move) {
  if (move.before == nullptr) return;
  const model::Pod& pod = *move.before;
  move.group_before = inventory_.remove(pod);
  const auto claim = [&](const IpAddress& address, std::uint32_t region) {
    touch(move.group_before, region, true);
    return Claim{address, &pod, move.group_before, region, true};
  };
  if (pod.ips.empty()) bare_.push_back(claim({}, kNoRegion));
  for (const IpAddress& ip : pod.ips) claims_.push_back(claim(ip, regions_.region_of(ip)));
}

void Identities::enter(const model::Cluster& now, Change::Move& move) {
  if (move.now == nullptr) return;
  const model::Pod& pod = *move.now;
  const std::string& space = pod.key.namespace_name;
  if (inventory_.space(space) == nullptr) {
    inventory_.set_space(space, value_or_none(now.namespaces, space));
  }
  move.group_now = inventory_.add(move.now);
  const auto claim = [&](const IpAddress& address, std::uint32_t region) {
    touch(move.group_now, region, false);
    return Claim{address, &pod, move.group_now, region, false};
  };
  if (pod.ips.empty()) bare_.push_back(claim({}, kNoRegion));
  for (const IpAddress& ip : pod.ips) claims_.push_back(claim(ip, regions_.region_of(ip)));
}

Status Identities::begin(const Identity& identity, std::string key, Numbers& numbers,
                         Change& change, IdentityId& id) {
  id = numbers.identity(key);
  if (id.value >= table::kMaxIdentities) {
    return fail("identity {} exceeds the limit of {}", id.value, table::kMaxIdentities);
  }
  if (id.value >= all_.size()) all_.resize(id.value + 1);
  all_[id.value] = identity;
  if (identity.region != kNoRegion) {
    if (identity.region >= of_region_.size()) of_region_.resize(identity.region + 1);
    insert_sorted(of_region_[identity.region], id.value);
  }
  keys_.emplace(id, std::make_shared<const std::string>(std::move(key)));
  change.come.push_back(id.value);
  return {};
}

void Identities::end(IdentityId id, Change& change) {
  Identity& identity = all_[id.value];
  if (identity.region != kNoRegion) erase_sorted(of_region_[identity.region], id.value);
  identity = {};
  keys_.erase(id);
  change.gone.push_back(id.value);
}

// Regions outside the pod CIDRs, which hide what of a region is inside them.
Status Identities::number_outside(std::span<const Prefix> come, std::span<const Prefix> gone,
                                  Numbers& numbers, Change& change) {
  if (!is_live(kWorldIdentity)) {
    all_.resize(std::max<std::size_t>(all_.size(), kWorldIdentity.value + 1));
    all_[kWorldIdentity.value] = {.group = kNoGroup, .region = kNoRegion, .is_live = true};
    change.come.push_back(kWorldIdentity.value);
    change.moves_outside = true;
  }
  for (const Prefix& prefix : gone) {
    // Its region is not found by prefix any more.
    const auto known = std::ranges::find(outside_, prefix, &Outside::prefix);
    if (known == outside_.end()) continue;
    end(known->id, change);
    outside_.erase(known);
    change.moves_outside = true;
  }
  std::vector<std::pair<std::string, Prefix>> keys;
  for (const Prefix& prefix : come) {
    const bool is_inside = std::ranges::any_of(
        pod_cidrs_, [&](const Prefix& around) { return around.contains(prefix); });
    if (!is_inside) keys.emplace_back("outside|in " + prefix.text(), prefix);
  }
  std::ranges::sort(keys);
  for (auto& [key, prefix] : keys) {
    Outside outside{prefix, {}};
    const Identity identity{.group = kNoGroup, .region = regions_.find(prefix), .is_live = true};
    if (auto ok = begin(identity, std::move(key), numbers, change, outside.id); !ok) return ok;
    outside_.push_back(outside);
    change.moves_outside = true;
  }
  return {};
}

Status Identities::number_parts(Numbers& numbers, Change& change) {
  sort_once(touched_);
  struct New {
    std::string key;
    std::uint32_t group;
    std::uint32_t region;
  };
  std::vector<New> news;
  for (const auto& [group, region] : touched_) {
    Part& part = *find_part(group, region);
    if (part.uses == 0) {
      if (part.id.value != 0) end(part.id, change);
      std::erase_if(parts_[group],
                    [&, region = region](const Part& p) { return p.region == region; });
    } else if (part.id.value == 0) {
      std::string key = "pod|" + *inventory_.group(group).key;
      if (region != kNoRegion) key += "|in " + regions_.prefix(region).text();
      news.push_back({std::move(key), group, region});
    }
    if (inventory_.group(group).key != nullptr && inventory_.group(group).pods == 0 &&
        parts_[group].empty()) {
      inventory_.free(group);
    }
  }
  touched_.clear();
  std::ranges::sort(news, {}, &New::key);
  for (New& item : news) {
    const Identity identity{.group = item.group, .region = item.region, .is_live = true};
    Part& part = *find_part(item.group, item.region);
    if (auto ok = begin(identity, std::move(item.key), numbers, change, part.id); !ok) return ok;
  }
  return {};
}

std::vector<std::uint32_t> Identities::of_group(std::uint32_t group) const {
  std::vector<std::uint32_t> identities;
  for (const Part& part : parts_[group]) insert_sorted(identities, part.id.value);
  return identities;
}

const std::vector<std::uint32_t>& Identities::of_region(std::uint32_t region) const {
  static const std::vector<std::uint32_t> kNobody;
  return region < of_region_.size() ? of_region_[region] : kNobody;
}

std::vector<table::OutsidePrefix> Identities::outside() const {
  std::vector<table::OutsidePrefix> prefixes;
  for (const auto& [prefix, id] : outside_) prefixes.push_back({prefix, id});
  std::ranges::sort(prefixes, {}, &table::OutsidePrefix::prefix);
  std::set<Prefix> pod_cidrs(pod_cidrs_.begin(), pod_cidrs_.end());
  for (const Prefix& prefix : pod_cidrs) prefixes.push_back({prefix, kUnknownIdentity});
  return prefixes;
}

void Identities::settle_addresses(const model::Cluster& now) {
  for (const Claim& claim : bare_) {
    if (claim.is_gone) pods_without_address_.erase(claim.pod->key);
  }
  for (const Claim& claim : bare_) {
    if (claim.is_gone) continue;
    pods_without_address_.emplace(claim.pod->key, find_part(claim.group, claim.region)->id);
  }
  bare_.clear();
  std::ranges::stable_sort(claims_, {}, &Claim::address);
  for (std::size_t i = 0; i < claims_.size();) {
    std::size_t end = i;
    while (end < claims_.size() && claims_[end].address == claims_[i].address) ++end;
    settle(claims_[i].address, std::span(claims_).subspan(i, end - i), now);
    i = end;
  }
  claims_.clear();
}

// Two pods that claim one address and differ for policies: nobody can say whose packets these are,
// so the address is unknown (law 1).
void Identities::settle(const IpAddress& address, std::span<const Claim> claims,
                        const model::Cluster& now) {
  const auto shared = shared_.find(address);
  const auto known = addresses_.find(address);
  const Claim& first = claims.front();
  if (shared == shared_.end() && known == addresses_.end() && claims.size() == 1) {
    addresses_.emplace(address,
                       PodAddress{find_part(first.group, first.region)->id, first.pod->key});
    return;
  }
  std::set<model::PodKey> owners;
  if (shared != shared_.end()) {
    owners = std::move(shared->second);
    shared_.erase(shared);
  } else if (known != addresses_.end()) {
    owners.insert(known->second.pod);
  }
  for (const Claim& claim : claims) {
    if (claim.is_gone) owners.erase(claim.pod->key);
  }
  for (const Claim& claim : claims) {
    if (!claim.is_gone) owners.insert(claim.pod->key);
  }
  if (owners.empty()) {
    if (known != addresses_.end()) addresses_.erase(known);
    return;
  }
  const auto identity_of = [&](const model::PodKey& owner) {
    const auto group = inventory_.group_of(*now.pods.at(owner));
    return find_part(group, regions_.region_of(address))->id;
  };
  PodAddress entry{identity_of(*owners.begin()), *owners.begin()};
  for (const auto& owner : owners) {
    if (identity_of(owner) != entry.identity) entry.identity = kUnknownIdentity;
  }
  if (owners.size() > 1) shared_.emplace(address, std::move(owners));
  if (known == addresses_.end()) {
    addresses_.emplace(address, std::move(entry));
  } else if (known->second != entry) {
    addresses_.at(address) = std::move(entry);
  }
}

}  // namespace bulkhead::compile
