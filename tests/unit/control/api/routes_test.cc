// SPDX-License-Identifier: Apache-2.0
#include "control/api/routes.h"

#include "tests/unit/control/api/api_server.h"

namespace bulkhead::control::api {
namespace {

// Who asks cannot be faked through a socket of our own: these ask the routes directly.
class ApiRoles : public ApiServer {
 protected:
  Answer ask(Role role, std::string method, std::vector<std::string> segments,
             std::string body = {}, std::map<std::string, std::string> query = {}) {
    const Caller who({1000, 7, {1000}}, {{role, 1000, {}, {"a"}}});
    return Routes(service_, flows_, {})
        .answer({std::move(method), std::move(segments), std::move(query), std::move(body)}, who);
  }
};

TEST_F(ApiRoles, WithoutARoleNothingIsAnswered) {
  for (const char* resource : {"status", "endpoints", "policies", "flows"}) {
    EXPECT_EQ(ask(Role::None, "GET", {"v1", resource}).status, 403) << resource;
  }
  EXPECT_EQ(ask(Role::None, "POST", {"v1", "explain"}, R"({"from":"a/x","to":"a/y"})").status, 403);
  EXPECT_EQ(ask(Role::None, "DELETE", {"v1", "attachments", "c", "eth0"}).status, 403);
  EXPECT_EQ(ask(Role::None, "PUT", {"v1", "quarantine", "a", "x"}).status, 403);
}

TEST_F(ApiRoles, OnlyAnAdminWiresPods) {
  for (const Role role : {Role::Auditor, Role::Developer, Role::Operator}) {
    EXPECT_EQ(
        ask(role, "PUT", {"v1", "attachments", "c", "eth0"}, json_of(attachment("one"))).status,
        403);
    EXPECT_EQ(ask(role, "DELETE", {"v1", "attachments", "c", "eth0"}).status, 403);
  }
  EXPECT_EQ(service_.last(), "");
  EXPECT_EQ(ask(Role::Admin, "DELETE", {"v1", "attachments", "c", "eth0"}).status, 200);
}

TEST_F(ApiRoles, OnlyOperatorsAndAdminsQuarantine) {
  for (const Role role : {Role::Auditor, Role::Developer}) {
    EXPECT_EQ(ask(role, "PUT", {"v1", "quarantine", "a", "x"}).status, 403);
    EXPECT_EQ(ask(role, "DELETE", {"v1", "quarantine", "a", "x"}).status, 403);
  }
  EXPECT_EQ(service_.last(), "");
  EXPECT_EQ(ask(Role::Operator, "PUT", {"v1", "quarantine", "a", "x"}).status, 200);
}

TEST_F(ApiRoles, ADeveloperSeesItsNamespaceOnly) {
  flows_.add(denied_event());  // from a to b
  const auto endpoints =
      read_endpoints(ask(Role::Developer, "GET", {"v1", "endpoints"}).body).value();
  ASSERT_EQ(endpoints.size(), 1u);
  EXPECT_EQ(endpoints[0].pod_namespace, "a");
  const auto policies = read_policies(ask(Role::Developer, "GET", {"v1", "policies"}).body).value();
  ASSERT_EQ(policies.size(), 2u);
  EXPECT_EQ(policies[0].id, "NetworkPolicy/a/x");
  EXPECT_EQ(policies[1].id, "ClusterNetworkPolicy/all");
  EXPECT_TRUE(
      read_status(ask(Role::Developer, "GET", {"v1", "status"}).body).value().errors.empty());
  EXPECT_NE(ask(Role::Developer, "GET", {"v1", "flows"}).body, "");
  EXPECT_EQ(ask(Role::Developer, "GET", {"v1", "flows"}, "", {{"namespace", "b"}}).status, 403);
  EXPECT_EQ(ask(Role::Developer, "POST", {"v1", "explain"}, R"({"from":"b/x","to":"a/y"})").status,
            200);
  EXPECT_EQ(ask(Role::Developer, "POST", {"v1", "explain"}, R"({"from":"b/x","to":"c/y"})").status,
            403);
  EXPECT_EQ(ask(Role::Auditor, "POST", {"v1", "explain"}, R"({"from":"b/x","to":"c/y"})").status,
            200);
}

}  // namespace
}  // namespace bulkhead::control::api
