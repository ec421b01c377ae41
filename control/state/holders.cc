// SPDX-License-Identifier: Apache-2.0
#include "control/state/holders.h"

#include <algorithm>

namespace bulkhead::control::state {
namespace {

template <class Map, class Key, class Ptr>
void settle_one(Map& map, const Key& key, const Ptr& winner) {
  if (winner == nullptr) {
    map.erase(key);
    return;
  }
  const auto before = map.find(key);
  const bool is_known = before != map.end();
  if (is_known && are_same(Object(before->second), Object(winner))) return;
  map.insert_or_assign(key, winner);
}

// `object` names the map and the key; what is in force instead of it, or null.
void settle_object(Accepted& accepted, const Object& object, const Object* winner) {
  const auto won = [&](const auto& item) {
    using Ptr = std::decay_t<decltype(item)>;
    return winner == nullptr ? Ptr() : std::get<Ptr>(*winner);
  };
  if (const auto* space = std::get_if<model::NamespacePtr>(&object)) {
    settle_one(accepted.namespaces, (*space)->name, won(*space));
  } else if (const auto* pod = std::get_if<model::PodPtr>(&object)) {
    settle_one(accepted.pods, (*pod)->key, won(*pod));
  } else if (const auto* node = std::get_if<model::NodePtr>(&object)) {
    settle_one(accepted.nodes, (*node)->name, won(*node));
  } else if (const auto* policy = std::get_if<model::PolicyPtr>(&object)) {
    settle_one(accepted.policies, (*policy)->id(), won(*policy));
  }
}

}  // namespace

void Holders::claim(const Claimant& claimant, const parse::Objects& objects) {
  for (auto& claim : claims_of(objects)) {
    if (!claim.is_address) touched_.insert_or_assign(claim.key, claim.object);
    auto& rivals = claims_[std::move(claim.key)];
    const auto at = std::ranges::lower_bound(rivals, claimant, {}, &Held::claimant);
    if (at != rivals.end() && at->claimant == claimant) continue;
    rivals.insert(at, {claimant, std::move(claim.object)});
  }
}

void Holders::give_up(const Claimant& claimant, const parse::Objects& objects) {
  for (auto& claim : claims_of(objects)) {
    const auto known = claims_.find(claim.key);
    if (known == claims_.end()) continue;
    auto& rivals = known->second;
    const auto at = std::ranges::lower_bound(rivals, claimant, {}, &Held::claimant);
    if (at == rivals.end() || at->claimant != claimant) continue;
    rivals.erase(at);
    if (rivals.empty()) claims_.erase(known);
    if (!claim.is_address) touched_.insert_or_assign(std::move(claim.key), claim.object);
  }
}

std::string_view Holders::holder(const std::string& key) const {
  const auto known = claims_.find(key);
  if (known == claims_.end()) return {};
  const Claimant& first = known->second.front().claimant;
  return first.is_vanishing ? std::string_view() : first.unit;
}

void Holders::settle(Accepted& accepted) {
  for (const auto& [key, object] : touched_) {
    const auto known = claims_.find(key);
    const Object* winner = known == claims_.end() ? nullptr : &known->second.front().object;
    settle_object(accepted, object, winner);
  }
  touched_.clear();
}

}  // namespace bulkhead::control::state
