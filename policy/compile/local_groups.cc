// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/local_groups.h"

#include <algorithm>
#include <iterator>

namespace bulkhead::compile {

std::vector<std::uint32_t> LocalGroups::all() const {
  std::vector<std::uint32_t> groups;
  for (const auto& [group, pods] : pods_) groups.push_back(group);
  return groups;
}

void LocalGroups::add(std::uint32_t group, std::int32_t pods) {
  if (group == kNoGroup) return;
  const auto [known, is_new] = pods_.try_emplace(group, 0);
  known->second += pods;
  if (is_new || known->second == 0) has_changed_ = true;
}

bool LocalGroups::follow(const model::Cluster& cluster, const LocalPods& local,
                         const Identities& identities, const Identities::Change& change) {
  has_changed_ = false;
  // The groups of pods that moved, by key; where a pod left and came back, two moves have one key.
  std::map<model::PodKey, std::pair<std::uint32_t, std::uint32_t>> moves;
  const auto is_asked = [&](const model::PodKey& key) {
    return !local || local->contains(key) || !local_ || local_->contains(key);
  };
  const bool is_anew = local.has_value() != local_.has_value();
  for (const auto& move : change.pods) {
    if (is_anew) break;
    for (const auto& pod : {move.before, move.now}) {
      if (pod == nullptr || !is_asked(pod->key)) continue;
      auto& [before, now] = moves.try_emplace(pod->key, kNoGroup, kNoGroup).first->second;
      if (move.group_before != kNoGroup) before = move.group_before;
      if (move.group_now != kNoGroup) now = move.group_now;
    }
  }
  const auto group_of = [&](const model::PodKey& key) {
    const auto pod = cluster.pods.find(key);
    const bool is_live = pod != cluster.pods.end() && pod->second->is_live();
    return is_live ? identities.inventory().group_of(*pod->second) : kNoGroup;
  };
  const auto change_locality = [&](const model::PodKey& key, const bool is_local) {
    const auto move = moves.find(key);
    if (move == moves.end()) {
      add(group_of(key), is_local ? 1 : -1);
    } else {
      if (is_local) add(move->second.second, 1);
      if (!is_local) add(move->second.first, -1);
      moves.erase(move);
    }
  };
  if (local && local_) {
    std::vector<model::PodKey> come, gone;
    std::ranges::set_difference(*local, *local_, std::back_inserter(come));
    std::ranges::set_difference(*local_, *local, std::back_inserter(gone));
    for (const auto& key : come) change_locality(key, true);
    for (const auto& key : gone) change_locality(key, false);
  } else if (is_anew) {  // from every pod to some, or back
    pods_.clear();
    has_changed_ = true;
    for (const auto& [key, pod] : cluster.pods) {
      if (!local || local->contains(key)) add(group_of(key), 1);
    }
  }
  for (const auto& [key, move] : moves) {
    add(move.second, 1);
    add(move.first, -1);
  }
  std::erase_if(pods_, [](const auto& item) { return item.second == 0; });
  local_ = local;
  return has_changed_;
}

}  // namespace bulkhead::compile
