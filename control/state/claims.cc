// SPDX-License-Identifier: Apache-2.0
#include "control/state/claims.h"

#include <algorithm>

namespace bulkhead::control::state {
namespace {

template <class Type>
bool is_alike(const Type& one, const Type& other) {
  return one == other;
}

bool is_alike(const model::Policy& one, const model::Policy& other) {
  const auto same_places = [](const std::vector<model::Rule>& a,
                              const std::vector<model::Rule>& b) {
    return std::ranges::equal(a, b, {}, &model::Rule::origin, &model::Rule::origin);
  };
  return one == other && std::ranges::equal(one.rules, other.rules, same_places);
}

}  // namespace

const model::Origin& origin_of(const Object& object) {
  return std::visit([](const auto& item) -> const model::Origin& { return item->origin; }, object);
}

bool are_same(const Object& one, const Object& other) {
  if (one.index() != other.index()) return false;
  return std::visit(
      [&other](const auto& item) {
        const auto& second = std::get<std::decay_t<decltype(item)>>(other);
        return item == second || is_alike(*item, *second);
      },
      one);
}

std::vector<Claim> claims_of(const parse::Objects& objects) {
  std::vector<Claim> claims;
  for (const auto& item : objects.namespaces) claims.push_back({"Namespace/" + item->name, item});
  for (const auto& pod : objects.pods) {
    claims.push_back({"Pod/" + pod->key.text(), pod});
    if (!pod->is_live()) continue;
    for (const auto& ip : pod->ips) claims.push_back({"address " + ip.text(), pod, true});
  }
  for (const auto& node : objects.nodes) claims.push_back({"Node/" + node->name, node});
  for (const auto& policy : objects.policies) claims.push_back({policy->id(), policy});
  return claims;
}

}  // namespace bulkhead::control::state
