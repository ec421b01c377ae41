// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::control::api {

// Weakest first; a developer may do what an auditor may, for some namespaces only.
enum class Role : std::uint8_t { None, Developer, Auditor, Operator, Admin };
[[nodiscard]] std::string_view name_of(Role role);
[[nodiscard]] std::optional<Role> role_named(std::string_view name);

// One line of the config's `roles`. A rule matches when every number it gives is the caller's; a
// rule that gives none matches nobody.
struct RoleGrant {
  Role role = Role::None;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::vector<std::string> namespaces;  // developer only: what it may see
};

// The peer of a connection as the kernel vouches for it (SO_PEERCRED, and its supplementary groups
// by SO_PEERGROUPS).
struct Credentials {
  std::uint32_t uid = 0;
  std::uint32_t pid = 0;
  std::vector<std::uint32_t> gids;
};

// What a call wants to do.
enum class Action : std::uint8_t {
  ReadStatus,     // status
  ReadEndpoints,  // endpoints, flows, explain: limited to a developer's namespaces
  ReadPolicies,
  ReadFlows,
  Explain,
  ReadAttachment,  // attachments belong to the container runtime: admin and operator
  Attach,
  Detach,
  Quarantine,
};

// Who a caller is. Nobody unless something says otherwise; uid 0 is always admin.
class Caller {
 public:
  Caller(const Credentials& credentials, const std::vector<RoleGrant>& grants);

  [[nodiscard]] const Credentials& credentials() const { return credentials_; }
  [[nodiscard]] Role role() const { return role_; }
  [[nodiscard]] bool may(Action action) const;
  // May it see what belongs to this namespace? A developer only its own; "" (the outside) belongs
  // to nobody in particular and is not enough on its own.
  [[nodiscard]] bool sees(std::string_view namespace_name) const;
  [[nodiscard]] bool sees_everything() const { return role_ > Role::Developer; }
  [[nodiscard]] const std::vector<std::string>& namespaces() const { return namespaces_; }

 private:
  Credentials credentials_;
  Role role_ = Role::None;
  std::vector<std::string> namespaces_;
};

}  // namespace bulkhead::control::api
