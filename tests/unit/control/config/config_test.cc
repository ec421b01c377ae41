// SPDX-License-Identifier: Apache-2.0
#include "control/config/config.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "control/config/dataplane_flags.h"

namespace bulkhead::control {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

class ConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "bulkhead-config-XXXXXX").native();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  Result<Config> load(std::string_view text) {
    std::ofstream(folder_ / "config.yaml", std::ios::binary) << text;
    return load_config(folder_ / "config.yaml");
  }
  std::string error_of(std::string_view text) {
    const auto config = load(text);
    return config ? "accepted" : config.error().text();
  }

  fs::path folder_;
};

TEST_F(ConfigTest, AMissingOrEmptyFileGivesClosedDefaults) {
  const auto missing = load_config(folder_ / "none.yaml");
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->default_verdict, Verdict::Deny);
  EXPECT_EQ(missing->established, "reevaluate");
  const auto empty = load("");
  ASSERT_TRUE(empty) << empty.error().text();
  EXPECT_EQ(empty->metrics_listen, "127.0.0.1:9470");
}

TEST_F(ConfigTest, ReadsEveryKey) {
  const auto config = load(R"(
default: allow
exempt: [kube-system]
default_dns: false
policies: /srv/policies
verify: sampled
established: keep
established_cut: reset
cluster:
  pod_cidrs: [10.88.0.0/16, "fd88::/64"]
  dns: {addresses: [10.88.0.10], namespace: kube-system, labels: {k8s-app: kube-dns}}
masquerade: false
workers: 2
poll: busy
io: epoll
memory: plain
flows: {max: 4096}
metrics: {listen: "127.0.0.1:9999"}
ports:
- {devargs: "net_memif0,role=server", pod: lab/dpdk, mac: "02:00:00:00:00:0a", ips: [10.88.9.9, "fd88::9"], mtu: 1400}
standby: off
roles:
- {role: developer, gid: 1000, namespaces: [web]}
- {role: admin, uid: 7}
instance: t1
)");
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->default_verdict, Verdict::Allow);
  EXPECT_FALSE(config->default_dns);
  EXPECT_EQ(config->policies, "/srv/policies");
  ASSERT_EQ(config->pod_cidrs.size(), 2u);
  EXPECT_EQ(config->pod_cidrs[1].text(), "fd88::/64");
  EXPECT_EQ(config->dns_namespace, "kube-system");
  EXPECT_EQ(config->dns_pods.match_labels.at("k8s-app"), "kube-dns");
  EXPECT_EQ(config->workers, 2u);
  EXPECT_EQ(config->flows_max, 4096u);
  ASSERT_EQ(config->roles.size(), 2u);
  EXPECT_EQ(config->roles[0].namespaces, std::vector<std::string>{"web"});
  EXPECT_EQ(config->instance, "t1");
  ASSERT_EQ(config->ports.size(), 1u);
  const DevicePort& port = config->ports[0];
  EXPECT_EQ(port.pod, (model::PodKey{"lab", "dpdk"}));
  EXPECT_EQ(port.mac, (std::array<std::uint8_t, 6>{2, 0, 0, 0, 0, 10}));
  ASSERT_EQ(port.ips.size(), 2u);
  EXPECT_EQ(port.ips[1].text(), "fd88::9");
  EXPECT_EQ(port.mtu, 1400u);
  EXPECT_EQ(config->settings().exempt, std::set<std::string>{"kube-system"});
}

TEST_F(ConfigTest, AnUnknownKeyNamesItsPlaceAndTheNearestKey) {
  const auto error = error_of("default: deny\nexemt: [a]\n");
  EXPECT_THAT(error, StartsWith("config.yaml:2:1: "));
  EXPECT_THAT(error, HasSubstr("\"exempt\""));
  EXPECT_THAT(error_of("cluster: {pod_cidr: []}"), HasSubstr("\"pod_cidrs\""));
}

TEST_F(ConfigTest, RefusesWhatIsNotMeantThatWay) {
  for (const auto* text :
       {"default: maybe", "workers: 0", "workers: 9", "flows: {max: 1}",
        "cluster: {pod_cidrs: [10.88.0.1/16]}", "cluster: {pod_cidrs: 10.0.0.0/8}",
        "cluster: {dns: {labels: {a: b}}}", "instance: Capital", "instance: toolong1",
        "roles: [{role: admin}]", "roles: [{role: developer, uid: 1}]",
        "roles: [{role: admin, uid: 1, namespaces: [a]}]", "standby: on", "masquerade: maybe", "[]",
        "default: deny\n---\ndefault: allow", "default: deny\ndefault: allow", "{"}) {
    EXPECT_THAT(error_of(text), StartsWith("config.yaml:")) << text;
  }
}

TEST_F(ConfigTest, TheDataPlaneLearnsItsPartAsFlags) {
  const auto config = load("workers: 2\nio: epoll\nflows: {max: 4096}\n");
  ASSERT_TRUE(config);
  const auto flags = config_flags_for_dataplane(*config, Paths{"/tmp/x"});
  EXPECT_THAT(fmt::format("{}", fmt::join(flags, " ")),
              testing::AllOf(HasSubstr("--root /tmp/x"), HasSubstr("--workers 2"),
                             HasSubstr("--io epoll"), HasSubstr("--flows-max 4096")));
}

TEST_F(ConfigTest, RefusesPortsThatCouldNotBeEnforced) {
  const auto error_of_port = [this](const std::string& port) {
    return error_of("cluster: {pod_cidrs: [10.88.0.0/16]}\nports:\n- " + port + "\n");
  };
  const std::string good =
      R"({devargs: net_null0, pod: a/b, mac: "02:00:00:00:00:01", ips: [10.88.0.9]})";
  EXPECT_EQ(error_of_port(good), "accepted");
  EXPECT_THAT(error_of_port("net_null0"), HasSubstr("ports[0]"));
  EXPECT_THAT(error_of_port(R"({devargs: net_null0, pod: a/b, mac: "02:00:00:00:00:01"})"),
              HasSubstr("ips"));
  EXPECT_THAT(
      error_of_port(R"({devargs: net_null0, pod: b, mac: "02:00:00:00:00:01", ips: [10.88.0.9]})"),
      HasSubstr("namespace/name"));
  EXPECT_THAT(error_of_port(
                  R"({devargs: net_null0, pod: a/b, mac: "03:00:00:00:00:01", ips: [10.88.0.9]})"),
              HasSubstr("one station"));
  EXPECT_THAT(
      error_of_port(R"({devargs: net_null0, pod: a/b, mac: "02:00:00:00:00:01", ips: [10.9.0.9]})"),
      HasSubstr("10.9.0.9 is in no block"));
  EXPECT_THAT(
      error_of_port(R"({devargs: "-x y", pod: a/b, mac: "02:00:00:00:00:01", ips: [10.88.0.9]})"),
      HasSubstr("devargs"));
  EXPECT_THAT(error_of_port(good + "\n- " + good), HasSubstr("a second time"));
}

}  // namespace
}  // namespace bulkhead::control
