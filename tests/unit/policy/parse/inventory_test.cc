// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/policy/parse/builders.h"

namespace bulkhead::parse {
namespace {

using testing::HasSubstr;

std::string pod(std::string_view rest, std::string_view metadata = "{name: p, namespace: n}") {
  return fmt::format("apiVersion: v1\nkind: Pod\nmetadata: {}\n{}", metadata, rest);
}
std::string space(std::string_view metadata) {
  return fmt::format("apiVersion: v1\nkind: Namespace\nmetadata: {}\n", metadata);
}

TEST(Pod, ReadsWhatPoliciesNeed) {
  const auto read_pod = pod_of(
      pod("spec:\n"
          "  serviceAccountName: robot\n"
          "  nodeName: n1\n"
          "  initContainers: [{name: i, ports: [{name: init, containerPort: 1}]}]\n"
          "  containers:\n"
          "  - name: c\n"
          "    image: x\n"
          "    ports: [{name: web, containerPort: 80}, {containerPort: 53, protocol: UDP}]\n"
          "status: {phase: Running, podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}],\n"
          "  hostIP: 192.0.2.1}\n",
          "{name: p, namespace: n, uid: abc, labels: {app: web}, creationTimestamp: null}"));
  EXPECT_EQ(read_pod.key.text(), "n/p");
  EXPECT_EQ(read_pod.uid, "abc");
  EXPECT_EQ(read_pod.service_account, "robot");
  ASSERT_EQ(read_pod.ips.size(), 2u);
  EXPECT_EQ(read_pod.ips[1].text(), "fd00::1");
  EXPECT_THAT(read_pod.ports, testing::ElementsAre(model::ContainerPort{"web", kTcp, 80},
                                                   model::ContainerPort{"", kUdp, 53}));
  EXPECT_TRUE(read_pod.is_live());
}

TEST(Pod, IsInTheDefaultNamespaceWithTheDefaultAccount) {
  const auto read_pod = pod_of(pod("", "{name: p}"));
  EXPECT_EQ(read_pod.key.namespace_name, "default");
  EXPECT_EQ(read_pod.service_account, "default");
}

TEST(Pod, LeavesWhenFinishedOrOnTheHostsNetwork) {
  EXPECT_TRUE(pod_of(pod("status: {phase: Succeeded}\n")).finished);
  EXPECT_TRUE(pod_of(pod("status: {phase: Failed}\n")).finished);
  EXPECT_FALSE(pod_of(pod("status: {phase: Pending}\n")).finished);
  EXPECT_TRUE(pod_of(pod("spec: {hostNetwork: true}\n")).host_network);
  EXPECT_THAT(only_error(pod("status: {phase: Done}\n")), HasSubstr("Unsupported value"));
  EXPECT_THAT(only_error(pod("spec: {hostNetwork: 'yes'}\n")), HasSubstr("true or false"));
}

TEST(Pod, RefusesBadAddressesAndPorts) {
  EXPECT_THAT(only_error(pod("status: {podIP: 10.0.0.256}\n")), HasSubstr("valid IP address"));
  EXPECT_THAT(only_error(pod("status: {podIP: '::ffff:10.0.0.1'}\n")), HasSubstr("IPv4-mapped"));
  EXPECT_THAT(only_error(pod("spec: {containers: [{ports: [{containerPort: 0}]}]}\n")),
              HasSubstr("between 1 and 65535"));
  EXPECT_THAT(only_error(pod("spec: {containers: [{ports: [{name: x}]}]}\n")),
              HasSubstr("containerPort: Required value"));
}

TEST(Pod, CountsTheFirstOfTwoPortsWithOneName) {
  const auto text = pod(
      "spec: {containers: [{ports: [{name: a, containerPort: 1}]},\n"
      "  {ports: [{name: a, containerPort: 2}, {name: a, containerPort: 3, protocol: UDP}]}]}\n");
  EXPECT_THAT(pod_of(text).ports, testing::ElementsAre(model::ContainerPort{"a", kTcp, 1},
                                                       model::ContainerPort{"a", kUdp, 3}));
  EXPECT_EQ(read(text).warnings.size(), 1u);
}

TEST(Pod, MayNotSetReservedLabels) {
  EXPECT_THAT(only_error(pod("", "{name: p, labels: {bulkhead.io/serviceaccount: admin}}")),
              HasSubstr("is reserved"));
  EXPECT_THAT(only_error(pod("", "{name: p, labels: {x.bulkhead.io/y: z}}")),
              HasSubstr("reserved"));
  EXPECT_EQ(only_error(pod("", "{name: p, labels: {notbulkhead.io/y: z}}")), "no error");
}

TEST(Pod, HasStrictMetadata) {
  EXPECT_THAT(only_error(pod("", "{name: p, lables: {a: b}}")), HasSubstr("\"labels\"?"));
  EXPECT_THAT(only_error(pod("specs: {}\n")), HasSubstr("did you mean \"spec\"?"));
}

TEST(Namespace, ReadsItsAnnotations) {
  const auto file =
      read(space("{name: n, labels: {team: a}, annotations: {bulkhead.io/default: deny, "
                 "bulkhead.io/mode: staged, other.io/x: y}}"));
  ASSERT_FALSE(file.is_broken()) << file.errors[0].text();
  const auto& read_space = *file.objects.namespaces.at(0);
  EXPECT_TRUE(read_space.default_deny);
  EXPECT_TRUE(read_space.staged);
  EXPECT_EQ(read_space.labels.at("team"), "a");
  EXPECT_EQ(read_space.labels.at(model::kNamespaceNameLabel), "n");
  EXPECT_FALSE(read(space("{name: n}")).objects.namespaces.at(0)->default_deny);
}

TEST(Namespace, RefusesToBeLoosenedOrMisspelt) {
  EXPECT_THAT(only_error(space("{name: n, annotations: {bulkhead.io/default: allow}}")),
              HasSubstr("supported values: \"deny\""));
  EXPECT_THAT(only_error(space("{name: n, annotations: {bulkhead.io/defualt: deny}}")),
              HasSubstr("known here is bulkhead.io/default"));
  EXPECT_THAT(only_error(space("{name: n, labels: {bulkhead.io/x: y}}")), HasSubstr("reserved"));
  EXPECT_THAT(only_error(space("{name: n, labels: {kubernetes.io/metadata.name: other}}")),
              HasSubstr("must be the namespace's own name"));
  EXPECT_THAT(only_error(space("{name: n.m}")), HasSubstr("RFC 1123 label"));
  EXPECT_THAT(only_error(space("{name: n, namespace: m}")), HasSubstr("not allowed on this type"));
}

TEST(Workload, StandsForOnePodNamedAfterIt) {
  const auto read_pod = pod_of(
      "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n"
      "spec: {replicas: 3, template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: "
      "r,\n"
      "  containers: [{ports: [{name: http, containerPort: 80}]}]}}}\n");
  EXPECT_EQ(read_pod.key.text(), "shop/web");
  EXPECT_EQ(read_pod.kind, "Deployment");
  EXPECT_EQ(read_pod.labels.at("app"), "web");
  EXPECT_TRUE(read_pod.ips.empty());
  EXPECT_EQ(read_pod.ports.size(), 1u);
  EXPECT_THAT(only_error("apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a}\nspec: {}\n"),
              HasSubstr("spec.jobTemplate.spec.template"));
  EXPECT_THAT(only_error("apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a}\n"
                         "spec: {template: {metadata: {labels: {bulkhead.io/x: y}}}}\n"),
              HasSubstr("reserved"));
}

}  // namespace
}  // namespace bulkhead::parse
