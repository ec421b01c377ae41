// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "policy/compile/compile.h"
#include "policy/model/cluster.h"
#include "tests/property/policy/random_cluster.h"

namespace bulkhead::testing {

// Changes a cluster as its users do: objects of another cluster are taken over or go, pods,
// namespaces, nodes, policies and settings change in one thing each, everything of a kind goes, an
// earlier version comes back; sometimes several at once.
class Editor {
 public:
  explicit Editor(Random& random) : random_(random) {}

  void edit(model::Cluster& cluster, compile::LocalPods& local);

 private:
  void edit_once(model::Cluster& cluster, compile::LocalPods& local);
  void change_settings(model::Cluster& cluster, const model::Cluster& donor);
  void change(model::Pod& pod, const model::Cluster& cluster, const model::Cluster& donor);
  void change(model::Namespace& space, const model::Cluster& donor);
  void change(model::Node& node, const model::Cluster& cluster);
  void change(model::Policy& policy, const model::Cluster& donor);
  void wipe(model::Cluster& cluster);
  void move_pods(const model::Cluster& cluster, compile::LocalPods& local);

  [[nodiscard]] bool one_in(std::uint64_t times) { return random_() % times == 0; }
  template <class Map>
  [[nodiscard]] typename Map::const_iterator any(const Map& map) {
    return std::next(map.begin(), static_cast<std::ptrdiff_t>(random_() % map.size()));
  }
  template <class Map>
  void take(Map& map, const Map& donor) {
    if (one_in(3) && !map.empty()) map.erase(any(map)->first);
    if (donor.empty()) return;
    const auto taken = any(donor);
    map[taken->first] = taken->second;
  }
  template <class Map, class... Others>
  void change_one(Map& map, const Others&... others) {
    if (map.empty()) return;
    const auto [key, object] = *any(map);
    using Object = std::remove_const_t<typename decltype(object)::element_type>;
    auto changed = std::make_shared<Object>(*object);
    change(*changed, others...);
    map[key] = std::move(changed);
  }

  Random& random_;
  std::vector<std::pair<model::Cluster, compile::LocalPods>> versions_;
};

}  // namespace bulkhead::testing
