// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <iterator>

#include "policy/compile/compile.h"
#include "policy/model/cluster.h"
#include "tests/property/policy/random_cluster.h"

namespace bulkhead::testing {

// Takes objects over from another cluster, or away: mostly policies.
class Editor {
 public:
  explicit Editor(Random& random) : random_(random) {}

  void edit(model::Cluster& cluster, compile::LocalPods& local) {
    const model::Cluster donor = random_cluster(random_);
    switch (random_() % 14) {
      case 0:
      case 10:
      case 11:
        take(cluster.pods, donor.pods);
        break;
      case 12:
      case 13:
        take(cluster.nodes, donor.nodes);
        break;
      case 1:
        take(cluster.namespaces, donor.namespaces);
        break;
      case 2:
        cluster.settings = donor.settings;
        break;
      case 3:
        move_pods(cluster, local);
        break;
      default:
        take(cluster.policies, donor.policies);
    }
  }

 private:
  template <class Map>
  void take(Map& map, const Map& donor) {
    if (random_() % 3 == 0 && !map.empty()) map.erase(any(map)->first);
    if (donor.empty()) return;
    const auto taken = any(donor);
    map[taken->first] = taken->second;
  }
  void move_pods(const model::Cluster& cluster, compile::LocalPods& local) {
    if (random_() % 2 == 0) return local.reset();
    local.emplace();
    for (const auto& [key, pod] : cluster.pods) {
      if (random_() % 2 == 0) local->insert(key);
    }
  }
  template <class Map>
  typename Map::const_iterator any(const Map& map) {
    return std::next(map.begin(), static_cast<std::ptrdiff_t>(random_() % map.size()));
  }
  Random& random_;
};

}  // namespace bulkhead::testing
