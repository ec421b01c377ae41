// SPDX-License-Identifier: Apache-2.0
#include "control/api/roles.h"

#include <algorithm>

namespace bulkhead::control::api {
namespace {

constexpr Role kRoles[] = {Role::Developer, Role::Auditor, Role::Operator, Role::Admin};

bool matches(const RoleGrant& grant, const Credentials& credentials) {
  if (!grant.uid && !grant.gid) return false;
  if (grant.uid && *grant.uid != credentials.uid) return false;
  return !grant.gid || std::ranges::find(credentials.gids, *grant.gid) != credentials.gids.end();
}

}  // namespace

std::string_view name_of(Role role) {
  switch (role) {
    case Role::None:
      return "none";
    case Role::Auditor:
      return "auditor";
    case Role::Developer:
      return "developer";
    case Role::Operator:
      return "operator";
    case Role::Admin:
      return "admin";
  }
  return "none";
}

std::optional<Role> role_named(std::string_view name) {
  const auto* found = std::ranges::find(kRoles, name, [](Role role) { return name_of(role); });
  return found == std::end(kRoles) ? std::nullopt : std::optional(*found);
}

Caller::Caller(const Credentials& credentials, const std::vector<RoleGrant>& grants)
    : credentials_(credentials) {
  if (credentials.uid == 0) {
    role_ = Role::Admin;
    return;
  }
  // The strongest role wins; a developer has the namespaces of all its grants.
  for (const auto& grant : grants) {
    if (!matches(grant, credentials)) continue;
    role_ = std::max(role_, grant.role);
    if (grant.role == Role::Developer) {
      namespaces_.insert(namespaces_.end(), grant.namespaces.begin(), grant.namespaces.end());
    }
  }
}

bool Caller::may(Action action) const {
  switch (role_) {
    case Role::None:
      return false;
    case Role::Auditor:
    case Role::Developer:
      switch (action) {
        case Action::ReadStatus:
        case Action::ReadEndpoints:
        case Action::ReadPolicies:
        case Action::ReadFlows:
        case Action::Explain:
          return true;
        case Action::ReadAttachment:
        case Action::Attach:
        case Action::Detach:
        case Action::Quarantine:
          return false;
      }
      return false;
    case Role::Operator:
      // Wiring pods takes a path to a network namespace from the caller and acts on it as root:
      // that is the container runtime's, which is root.
      return action != Action::Attach && action != Action::Detach;
    case Role::Admin:
      return true;
  }
  return false;
}

bool Caller::sees(std::string_view namespace_name) const {
  if (role_ == Role::None) return false;
  if (sees_everything()) return true;
  return !namespace_name.empty() &&
         std::ranges::find(namespaces_, namespace_name) != namespaces_.end();
}

}  // namespace bulkhead::control::api
