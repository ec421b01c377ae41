// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "policy/model/cluster.h"

namespace bulkhead::model {
namespace {

template <class Object>
bool are_same(const Object& one, const Object& other) {
  return one == other;
}

// Also where each rule is written: whoever asks is shown the present line.
bool are_same(const Policy& one, const Policy& other) {
  const auto same_places = [](const std::vector<Rule>& a, const std::vector<Rule>& b) {
    return std::ranges::equal(a, b, {}, &Rule::origin, &Rule::origin);
  };
  return one == other && std::ranges::equal(one.rules, other.rules, same_places);
}

template <class Map>
Map shared(const Map& before, const Map& next) {
  Map result = before;
  for_each_difference(before, next, [&](const auto& key, const auto& old, const auto& now) {
    if (now == nullptr) {
      result.erase(key);
    } else if (old == nullptr || !are_same(*old, *now)) {
      result[key] = now;
    }
  });
  return result;
}

}  // namespace

Cluster sharing_with(const Cluster& before, Cluster next) {
  next.namespaces = shared(before.namespaces, next.namespaces);
  next.pods = shared(before.pods, next.pods);
  next.policies = shared(before.policies, next.policies);
  next.nodes = shared(before.nodes, next.nodes);
  return next;
}

}  // namespace bulkhead::model
