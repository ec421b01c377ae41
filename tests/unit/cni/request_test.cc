// SPDX-License-Identifier: Apache-2.0
#include "cni/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cni/ipam.h"
#include "cni/names.h"

namespace bulkhead::cni {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kConfiguration =
    R"({"cniVersion":"1.0.0","name":"net","ipam":{"type":"host-local"}})";
constexpr const char* kWithNamespace =
    R"({"cniVersion":"1.0.0","name":"net","namespace":"web","ipam":{"type":"host-local"}})";

Environment environment(const std::string& arguments, const std::string& pod = "") {
  Environment variables{{"CNI_COMMAND", "ADD"},   {"CNI_CONTAINERID", "c1"},
                        {"CNI_IFNAME", "eth0"},   {"CNI_NETNS", "/run/netns/x"},
                        {"CNI_PATH", "/usr/lib"}, {"CNI_ARGS", arguments}};
  if (!pod.empty()) variables["BULKHEAD_POD"] = pod;
  return variables;
}

Outcome<PodIdentity> identity(const Environment& variables, const char* configuration) {
  const auto request = parse_request(variables, configuration);
  EXPECT_TRUE(request) << request.error().message;
  return identity_of(*request);
}

std::string pod_of(const Environment& variables, const char* configuration) {
  const auto found = identity(variables, configuration);
  return found ? found->pod_namespace + "/" + found->name : found.error().message;
}

Code code_of(const char* configuration) {
  const auto parsed = parse_configuration(configuration);
  EXPECT_FALSE(parsed) << configuration;
  return parsed ? Code::InputOutput : parsed.error().code;
}

TEST(Identity, ComesFromKubernetesFirst) {
  const auto arguments = "IgnoreUnknown=1;K8S_POD_NAMESPACE=db;K8S_POD_NAME=db-0;K8S_POD_UID=u";
  EXPECT_EQ(pod_of(environment(arguments, "other/pod"), kWithNamespace), "db/db-0");
  EXPECT_EQ(identity(environment(arguments), kConfiguration)->uid, "u");
}

TEST(Identity, ThenFromTheNetworkAndThePodsName) {
  EXPECT_EQ(pod_of(environment("K8S_POD_NAME=My_pod", "other/pod"), kWithNamespace), "web/My_pod");
  EXPECT_EQ(pod_of(environment("K8S_POD_NAMESPACE=;K8S_POD_NAME=a"), kWithNamespace), "web/a");
}

TEST(Identity, ThenFromTheCallersEnvironment) {
  EXPECT_EQ(pod_of(environment("", "db/db-0"), kWithNamespace), "db/db-0");
  EXPECT_EQ(pod_of(environment("K8S_POD_NAME=ignored-alone", "db/db-0"), kConfiguration),
            "db/db-0");
}

TEST(Identity, ThenFromTheNetworkAndTheContainer) {
  EXPECT_EQ(pod_of(environment(""), kWithNamespace), "web/c1");
}

TEST(Identity, OrIsRefusedNamingWhatWouldDo) {
  for (const char* arguments : {"", "K8S_POD_NAME=a", "K8S_POD_NAMESPACE=db", "IgnoreUnknown=1"}) {
    const auto found = identity(environment(arguments), kConfiguration);
    ASSERT_FALSE(found) << arguments;
    EXPECT_EQ(found.error().code, Code::InvalidConfiguration);
    EXPECT_THAT(found.error().message, HasSubstr("K8S_POD_NAMESPACE"));
    EXPECT_THAT(found.error().message, HasSubstr("'namespace'"));
    EXPECT_THAT(found.error().message, HasSubstr("BULKHEAD_POD"));
  }
}

TEST(Identity, ABadNameDoesNotFallThroughToAnotherSource) {
  for (const char* pod : {"db", "db/", "/x", "DB/x", "db/a/b", "db/../x", "db/x y"}) {
    const auto found = identity(environment("", pod), kWithNamespace);
    ASSERT_FALSE(found) << pod;
    EXPECT_EQ(found.error().code, Code::InvalidEnvironment);
  }
  EXPECT_FALSE(identity(environment("K8S_POD_NAMESPACE=../db;K8S_POD_NAME=a"), kWithNamespace));
}

TEST(Request, RepeatedArgumentsAreRefused) {
  EXPECT_FALSE(parse_request(environment("K8S_POD_NAME=a;K8S_POD_NAME=b"), kConfiguration));
}

TEST(Request, TheSocketFollowsKeyThenRootThenDefault) {
  auto variables = environment("");
  EXPECT_EQ(parse_request(variables, kConfiguration)->socket, "/run/bulkhead/agent.sock");
  variables["BULKHEAD_ROOT"] = "/tmp/b";
  EXPECT_EQ(parse_request(variables, kConfiguration)->socket, "/tmp/b/run/bulkhead/agent.sock");
  const auto keyed = parse_request(
      variables,
      R"({"cniVersion":"1.0.0","name":"net","socket":"/x/run/bulkhead/agent.sock","ipam":{"type":"h"}})");
  EXPECT_EQ(keyed->socket, "/x/run/bulkhead/agent.sock");
  EXPECT_EQ(keyed->tombstones(), "/x/var/lib/bulkhead/tombstones");
  variables["BULKHEAD_ROOT"] = "relative";
  EXPECT_FALSE(parse_request(variables, kConfiguration));
}

TEST(Configuration, UnknownKeysAreOthersBusiness) {
  EXPECT_TRUE(parse_configuration(
      R"({"cniVersion":"1.0.0","name":"n","ipam":{"type":"h","x":1},"runtimeConfig":{"a":[1]}})"));
}

TEST(Configuration, ABadValueIsCode7) {
  for (const char* member :
       {R"("mtu":"1500")", R"("mtu":100)", R"("mtu":-1)", R"("mtu":70000)", R"("namespace":"A b")",
        R"("namespace":7)", R"("socket":"agent.sock")", R"("socket":"/run/../x")", R"("dns":[])",
        R"("args":{"cni":{"labels":"x"}})", R"("args":{"cni":{"labels":[{"value":"x"}]}})",
        R"("args":{"cni":{"labels":{"a":1}}})", R"("prevResult":[1])",
        R"("prevResult":{"ips":["10.0.0.1/8"]})", R"("args":7)"}) {
    const std::string text =
        fmt::format(R"({{"cniVersion":"1.0.0","name":"n","ipam":{{"type":"h"}},{}}})", member);
    EXPECT_EQ(code_of(text.c_str()), Code::InvalidConfiguration) << member;
  }
  EXPECT_EQ(code_of(R"({"cniVersion":"1.0.0","name":"n"})"), Code::InvalidConfiguration);
  EXPECT_EQ(code_of(R"({"cniVersion":"1.0.0","name":"n","ipam":{"type":"../sh"}})"),
            Code::InvalidConfiguration);
  EXPECT_EQ(code_of(R"({"cniVersion":"1.0.0","ipam":{"type":"h"}})"), Code::InvalidConfiguration);
}

TEST(Configuration, ReservedLabelsAreRefusedInBothForms) {
  EXPECT_EQ(code_of(R"({"cniVersion":"1.0.0","name":"n","ipam":{"type":"h"},
                        "args":{"cni":{"labels":{"bulkhead.io/serviceaccount":"admin"}}}})"),
            Code::InvalidConfiguration);
  EXPECT_EQ(code_of(R"({"cniVersion":"1.0.0","name":"n","ipam":{"type":"h"},
                        "args":{"cni":{"labels":[{"key":"bulkhead.io/x","value":"y"}]}}})"),
            Code::InvalidConfiguration);
  const auto good = parse_configuration(R"({"cniVersion":"1.0.0","name":"n","ipam":{"type":"h"},
      "args":{"cni":{"labels":{"app":"web"}}}})");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->labels.at("app"), "web");
}

TEST(Names, HaveAnAlphabetAndALength) {
  EXPECT_TRUE(is_container_id("a1_.-"));
  EXPECT_FALSE(is_container_id("-a"));
  EXPECT_FALSE(is_container_id(std::string(201, 'a')));
  EXPECT_TRUE(is_interface_name("eth0.100"));
  EXPECT_FALSE(is_interface_name(".."));
  EXPECT_TRUE(is_namespace_name("kube-system"));
  EXPECT_FALSE(is_namespace_name("-a"));
  EXPECT_FALSE(is_namespace_name(std::string(64, 'a')));
  EXPECT_TRUE(is_clean_path("/proc/12/ns/net"));
  for (const char* bad : {"", "/", "a", "/a/..", "/../a", "/a/./b", "/a b", "/a\n"}) {
    EXPECT_FALSE(is_clean_path(bad)) << bad;
  }
}

TEST(Lease, IsReadFromEveryVersionsAnswer) {
  const auto old = parse_lease(R"({"cniVersion":"0.3.1","ips":[
      {"version":"4","address":"10.1.2.3/24","gateway":"10.1.2.1"}],"dns":{}})");
  ASSERT_TRUE(old);
  EXPECT_EQ(old->addresses.at(0).ip, IpAddress::v4(10, 1, 2, 3));
  EXPECT_THAT(old->dns, IsEmpty());
  const auto now = parse_lease(R"({"cniVersion":"1.0.0","ips":[{"address":"fd00::3/64"}],
      "routes":[{"dst":"::/0"}],"dns":{"nameservers":["fd00::1"]}})");
  ASSERT_TRUE(now);
  EXPECT_EQ(now->routes.at(0).text(), "::/0");
  EXPECT_THAT(now->dns, HasSubstr("nameservers"));
}

TEST(Lease, WithoutAUsableAddressIsRefused) {
  for (const char* answer :
       {"", "[]", "{}", R"({"ips":[]})", R"({"ips":[7]})", R"({"ips":[{"address":"10.0.0.1"}]})",
        R"({"ips":[{"address":"10.0.0.1/24"},{"address":"x/24"}]})",
        R"({"ips":[{"address":"10.0.0.1/24"}],"routes":[{"dst":"everywhere"}]})"}) {
    EXPECT_FALSE(parse_lease(answer)) << answer;
  }
}

}  // namespace
}  // namespace bulkhead::cni
