// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/objects.h"

namespace bulkhead::parse {

void Objects::append(const Objects& other) {
  namespaces.insert(namespaces.end(), other.namespaces.begin(), other.namespaces.end());
  pods.insert(pods.end(), other.pods.begin(), other.pods.end());
  policies.insert(policies.end(), other.policies.begin(), other.policies.end());
  nodes.insert(nodes.end(), other.nodes.begin(), other.nodes.end());
}

}  // namespace bulkhead::parse
