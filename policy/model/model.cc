// SPDX-License-Identifier: Apache-2.0
#include "policy/model/cluster.h"
#include "policy/model/policy.h"

namespace bulkhead::model {

std::string Origin::text() const {
  if (line == 0) return file;
  return fmt::format("{}:{}:{}", file, line, column);
}

std::string_view name_of(PolicyKind kind) {
  switch (kind) {
    case PolicyKind::NetworkPolicy:
      return "NetworkPolicy";
    case PolicyKind::Segment:
      return "Segment";
    case PolicyKind::ClusterNetworkPolicy:
      return "ClusterNetworkPolicy";
    case PolicyKind::AdminNetworkPolicy:
      return "AdminNetworkPolicy";
    case PolicyKind::BaselineAdminNetworkPolicy:
      return "BaselineAdminNetworkPolicy";
  }
  return "unknown";
}

std::string_view name_of(Tier tier) {
  switch (tier) {
    case Tier::Quarantine:
      return "quarantine";
    case Tier::Admin:
      return "admin";
    case Tier::NetworkPolicy:
      return "networkpolicy";
    case Tier::Baseline:
      return "baseline";
    case Tier::Default:
      return "default";
  }
  return "unknown";
}

std::string Policy::id() const {
  if (namespace_name.empty()) return fmt::format("{}/{}", name_of(kind), name);
  return fmt::format("{}/{}/{}", name_of(kind), namespace_name, name);
}

std::string Policy::rule_id(Direction direction, const Rule& rule) const {
  return fmt::format("{}/{}/{}", id(), name_of(direction), rule.index);
}

}  // namespace bulkhead::model
