// SPDX-License-Identifier: Apache-2.0
#include "control/api/json.h"

#include <gtest/gtest.h>

namespace bulkhead::control::api {
namespace {

AttachmentRequest attachment() {
  AttachmentRequest request{"c1", "eth0", "/var/run/netns/a", "backend", "db", "u-1", {}, {},
                            {},   5000};
  request.ips = {{"10.88.0.5/24", "10.88.0.1"}, {"fd00::5/64", ""}};
  request.labels = {{"app", "db"}};
  request.mtu = 1400;
  return request;
}

TEST(Json, CarriesAnAttachmentRequestThere) {
  const auto read = read_attachment_request(json_of(attachment())).value();
  EXPECT_EQ(json_of(read), json_of(attachment()));
  EXPECT_EQ(read.ips[1].address, "fd00::5/64");
  EXPECT_EQ(read.mtu, 1400u);
  EXPECT_EQ(read.labels.at("app"), "db");
}

TEST(Json, CarriesStatusAndListsThere) {
  StatusReport status;
  status.version = "0.1.0";
  status.dataplane_connected = true;
  status.revision_acknowledged = 1ull << 60;
  status.verified_ratio = 0.5;
  status.policy_stale_seconds = 1.5;
  status.errors = {{"web.yaml:1:2", "unknown field \"form\""}};
  EXPECT_EQ(json_of(read_status(json_of(status)).value()), json_of(status));

  const std::vector<EndpointReport> endpoints{{"c",
                                               "eth0",
                                               "ns",
                                               "pod",
                                               "ready",
                                               "02:00:00:00:00:01",
                                               {"10.0.0.1", "fd00::1"},
                                               {16, 17},
                                               {{"a", "b"}},
                                               16,
                                               1500}};
  EXPECT_EQ(json_of(read_endpoints(json_of(endpoints)).value()), json_of(endpoints));
  const std::vector<PolicyReport> policies{{"Segment/a/b", "a.yaml:1:1", "in_force", ""}};
  EXPECT_EQ(json_of(read_policies(json_of(policies)).value()), json_of(policies));
}

TEST(Json, IgnoresUnknownFields) {
  const auto read =
      read_explain_request(R"({"from":"a/b","to":"c/d","future":{"x":[1]},"port":80})");
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->port, 80);
  EXPECT_EQ(read->protocol, "TCP");
}

TEST(Json, NamesTheFieldThatIsWrong) {
  const auto where = [](std::string_view text) {
    const auto read = read_attachment_request(text);
    return read ? "accepted" : read.error().where;
  };
  const std::string good = R"("netns":"/n","pod_namespace":"a","pod_name":"b")";
  EXPECT_EQ(where("{" + good + "}"), "accepted");
  EXPECT_EQ(where(R"({"pod_namespace":"a","pod_name":"b"})"), "netns");
  EXPECT_EQ(where("{" + good + R"(,"pod_uid":7})"), "pod_uid");
  EXPECT_EQ(where("{" + good + R"(,"mtu":-1})"), "mtu");
  EXPECT_EQ(where("{" + good + R"(,"mtu":4294967296})"), "mtu");
  EXPECT_EQ(where("{" + good + R"(,"mtu":1.5})"), "mtu");
  EXPECT_EQ(where("{" + good + R"(,"ips":[{"address":"1.2.3.4/8"},{"gateway":"x"}]})"),
            "ips[1].address");
  EXPECT_EQ(where("{" + good + R"(,"ips":[7]})"), "ips[0]");
  EXPECT_EQ(where("{" + good + R"(,"labels":{"a":1}})"), "labels.a");
  EXPECT_EQ(where(R"({"netns":"/n\u0000/x","pod_namespace":"a","pod_name":"b"})"), "netns");
}

TEST(Json, RefusesWhatIsNoObjectOfOurs) {
  const std::string texts[] = {"",
                               "nul",
                               "[]",
                               "\"x\"",
                               R"({"from":"a")",
                               "\xff\xfe",
                               std::string(100000, '['),
                               R"({"from":"a","to":"b"} x)",
                               std::string(1000, '\0')};
  for (const auto& text : texts) {
    EXPECT_FALSE(read_explain_request(text)) << text.substr(0, 20);
  }
}

TEST(Json, RefusesAFieldGivenTwice) {
  const auto read = read_explain_request(R"({"from":"a/b","from":"c/d","to":"x"})");
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("'from'"), std::string::npos);
  // Two objects may each have their own.
  EXPECT_TRUE(read_attachment_request(
      R"({"netns":"/n","pod_namespace":"a","pod_name":"b","ips":[{"address":"a"},{"address":"b"}]})"));
}

TEST(Json, RefusesDeepNesting) {
  const auto nested = [](std::size_t depth) {
    return R"({"from":"a","to":"b","x":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(read_explain_request(nested(50)));
  EXPECT_FALSE(read_explain_request(nested(100)));
}

TEST(Json, WritesErrorsWithAllThreeFields) {
  EXPECT_EQ(json_of(ApiError{404, "not_found", "no such pod", "a/b"}),
            R"({"error":{"code":"not_found","message":"no such pod","where":"a/b"}})");
  EXPECT_EQ(read_error(json_of(ApiError{404, "c", "m", "w"})).value().where, "w");
}

TEST(Json, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(json_of(ApiError{400, "c", "\xff", ""}),
            "{\"error\":{\"code\":\"c\",\"message\":\"\xEF\xBF\xBD\",\"where\":\"\"}}");
}

}  // namespace
}  // namespace bulkhead::control::api
