// SPDX-License-Identifier: Apache-2.0
#include "control/api/roles.h"

#include <gtest/gtest.h>

#include "control/api/names.h"

namespace bulkhead::control::api {
namespace {

constexpr Action kActions[] = {Action::ReadStatus, Action::ReadEndpoints, Action::ReadPolicies,
                               Action::ReadFlows,  Action::Explain,       Action::ReadAttachment,
                               Action::Attach,     Action::Detach,        Action::Quarantine};

Caller caller(std::uint32_t uid, std::vector<std::uint32_t> gids,
              const std::vector<RoleGrant>& grants) {
  return Caller({uid, 1, std::move(gids)}, grants);
}

std::string allowed(const Caller& who) {
  std::string bits;
  for (const auto action : kActions) bits += who.may(action) ? '1' : '0';
  return bits;
}

TEST(Roles, RootIsAdminWhateverTheConfigSays) {
  EXPECT_EQ(caller(0, {0}, {{Role::Auditor, 0, {}, {}}}).role(), Role::Admin);
}

TEST(Roles, NobodyMayAnythingUnlessGranted) {
  const auto stranger = caller(1000, {1000}, {{Role::Admin, 1001, {}, {}}});
  EXPECT_EQ(stranger.role(), Role::None);
  EXPECT_EQ(allowed(stranger), "000000000");
  EXPECT_FALSE(stranger.sees("default"));
}

TEST(Roles, AGrantWithoutNumbersMatchesNobody) {
  EXPECT_EQ(caller(1000, {1000}, {{Role::Admin, {}, {}, {}}}).role(), Role::None);
}

TEST(Roles, AGrantWithBothNumbersNeedsBoth) {
  const std::vector<RoleGrant> grants{{Role::Operator, 1000, 50, {}}};
  EXPECT_EQ(caller(1000, {1000, 50}, grants).role(), Role::Operator);
  EXPECT_EQ(caller(1000, {1000}, grants).role(), Role::None);
  EXPECT_EQ(caller(1001, {50}, grants).role(), Role::None);
}

TEST(Roles, EachMayWhatTheDesignSays) {
  const auto of = [](Role role) { return allowed(caller(7, {7}, {{role, 7, {}, {"a"}}})); };
  EXPECT_EQ(of(Role::Auditor), "111110000");
  EXPECT_EQ(of(Role::Developer), "111110000");
  EXPECT_EQ(of(Role::Operator), "111111001");
  EXPECT_EQ(of(Role::Admin), "111111111");
}

TEST(Roles, ADeveloperSeesItsNamespacesOnly) {
  const auto who =
      caller(7, {7, 8}, {{Role::Developer, 7, {}, {"a"}}, {Role::Developer, {}, 8, {"b"}}});
  EXPECT_TRUE(who.sees("a"));
  EXPECT_TRUE(who.sees("b"));
  EXPECT_FALSE(who.sees("c"));
  EXPECT_FALSE(who.sees(""));
}

TEST(Roles, TheStrongestGrantWins) {
  const auto who = caller(7, {7}, {{Role::Developer, 7, {}, {"a"}}, {Role::Auditor, 7, {}, {}}});
  EXPECT_EQ(who.role(), Role::Auditor);
  EXPECT_TRUE(who.sees("c"));
}

TEST(Roles, KnowsItsNames) {
  for (const char* name : {"admin", "operator", "developer", "auditor"}) {
    EXPECT_EQ(name_of(role_named(name).value()), name);
  }
  EXPECT_FALSE(role_named("root"));
  EXPECT_FALSE(role_named("none"));
}

TEST(Names, RefuseWhatWouldLeaveAFolder) {
  for (const char* text : {"", ".", "..", "../etc", "a/b", "-a", ".hidden", "a b", "a\n", "é"}) {
    EXPECT_FALSE(is_container_id(text)) << text;
  }
  EXPECT_TRUE(is_container_id("0a_B.c-d"));
  EXPECT_FALSE(is_container_id(std::string(256, 'a')));
}

TEST(Names, AcceptWhatTheKernelAndKubernetesAccept) {
  EXPECT_TRUE(is_interface_name("eth0"));
  EXPECT_TRUE(is_interface_name("veth0.100@if2"));
  EXPECT_FALSE(is_interface_name("sixteen-letters0"));
  EXPECT_FALSE(is_interface_name(".."));
  EXPECT_TRUE(is_namespace_name("kube-system"));
  EXPECT_FALSE(is_namespace_name("Kube"));
  EXPECT_FALSE(is_namespace_name("a.b"));
  EXPECT_FALSE(is_namespace_name("-a"));
  EXPECT_TRUE(is_pod_name("web-0.example"));
  EXPECT_FALSE(is_pod_name("a..b"));
  EXPECT_FALSE(is_pod_name("a/b"));
  EXPECT_FALSE(is_pod_name(""));
}

}  // namespace
}  // namespace bulkhead::control::api
