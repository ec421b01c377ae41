// SPDX-License-Identifier: Apache-2.0
#include "control/state/claims.h"

namespace bulkhead::control::state {

std::vector<Claim> claims_of(const parse::Objects& objects) {
  std::vector<Claim> claims;
  for (const auto& item : objects.namespaces) {
    claims.push_back({"Namespace/" + item->name, item->origin});
  }
  for (const auto& pod : objects.pods) {
    claims.push_back({"Pod/" + pod->key.text(), pod->origin});
    if (!pod->is_live()) continue;
    for (const auto& ip : pod->ips) claims.push_back({"address " + ip.text(), pod->origin});
  }
  for (const auto& policy : objects.policies) claims.push_back({policy->id(), policy->origin});
  return claims;
}

}  // namespace bulkhead::control::state
