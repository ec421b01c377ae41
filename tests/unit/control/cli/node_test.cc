// SPDX-License-Identifier: Apache-2.0
// preflight, report and support-bundle: what needs no running agent.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "control/cli/preflight.h"
#include "control/cli/scrape.h"
#include "control/cli/shareable.h"
#include "control/cli/tar.h"
#include "policy/base/fd.h"
#include "tests/unit/control/cli/command.h"

namespace bulkhead::control::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class NodeTest : public CommandTest {
 protected:
  NodeTest() {
    fs::create_directories(folder_ / "etc/bulkhead/policies.d");
    fs::create_directories(folder_ / "net.d");
    fs::create_directories(folder_ / "plugins");
    machine_.networks = folder_ / "net.d";
    machine_.plugins = {folder_ / "plugins"};
    machine_.proc = folder_ / "proc";
    machine_.sys = folder_ / "sys";
  }

  void put(const fs::path& name, std::string_view text) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  void install(const char* program) {
    put(fs::path("plugins") / program, "");
    fs::permissions(folder_ / "plugins" / program, fs::perms::owner_all);
  }

  Machine machine_;
  Paths paths_{folder_};
  api::Client nobody_{folder_ / "no.sock"};
};

constexpr const char* kNetwork =
    R"({"name":"n","plugins":[{"type":"bulkhead-cni","ipam":{"type":"host-local"}}]})";

TEST_F(NodeTest, PreflightWantsOurNetworkToSortFirst) {
  EXPECT_EQ(check_network(machine_).health, Health::Bad);
  put("net.d/10-bulkhead.conflist", kNetwork);
  EXPECT_EQ(check_network(machine_).health, Health::Good);
  put("net.d/05-other.conflist", R"({"plugins":[{"type":"bridge"}]})");
  const auto second = check_network(machine_);
  EXPECT_EQ(second.health, Health::Bad);
  EXPECT_THAT(second.found, HasSubstr("05-other.conflist sorts before 10-bulkhead.conflist"));
  put("net.d/10-bulkhead.conflist", "{\"plugins\": [");
  EXPECT_EQ(check_network(machine_).health, Health::Bad);
}

TEST_F(NodeTest, PreflightWantsThePluginAndItsIpam) {
  put("net.d/10-bulkhead.conflist", kNetwork);
  install("bulkhead-cni");
  const auto half = check_plugins(machine_);
  EXPECT_EQ(half.health, Health::Bad);
  EXPECT_THAT(half.found, HasSubstr("host-local: not in"));
  install("host-local");
  EXPECT_EQ(check_plugins(machine_).health, Health::Good);
}

TEST_F(NodeTest, PreflightNamesMissingCapabilities) {
  put("proc/self/status", "Name:\tx\nCapEff:\t0000000000001000\n");
  const auto check = check_capabilities(machine_);
  EXPECT_EQ(check.health, Health::Bad);
  EXPECT_EQ(check.found, "lacks CAP_SYS_ADMIN");
  put("proc/self/status", "CapEff:\t000001ffffffffff\n");
  EXPECT_EQ(check_capabilities(machine_).health, Health::Good);
}

TEST_F(NodeTest, PreflightMeasuresHugepagesAgainstTheConfiguration) {
  Config config;
  put("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "3\n");
  put("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "3\n");
  EXPECT_EQ(check_memory(machine_, config).health, Health::Good);
  config.memory = "hugepages";
  config.workers = 1;
  EXPECT_EQ(check_memory(machine_, config).health, Health::Bad);
  EXPECT_THAT(check_memory(machine_, config).mend, HasSubstr("vm.nr_hugepages=42"));
  // What others use stays theirs.
  put("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "64\n");
  put("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "31\n");
  EXPECT_THAT(check_memory(machine_, config).mend, HasSubstr("vm.nr_hugepages=75"));
  config.workers = 2;
  EXPECT_THAT(check_memory(machine_, config).mend, HasSubstr("vm.nr_hugepages=105"));
  put("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "500\n");
  EXPECT_EQ(check_memory(machine_, config).health, Health::Good);
}

TEST_F(NodeTest, PreflightAsksForNoMetricsPortThatIsOff) {
  Config config;
  config.metrics_listen = "off";
  EXPECT_EQ(check_metrics_port(config, nobody_).health, Health::Good);
  config.metrics_listen = "nonsense";
  EXPECT_EQ(check_metrics_port(config, nobody_).health, Health::Bad);
}

TEST_F(NodeTest, PreflightReadsTheKernelsSwitches) {
  put("proc/sys/net/ipv6/conf/all/disable_ipv6", "1\n");
  EXPECT_EQ(check_ipv6(machine_).health, Health::Warning);
  put("proc/sys/net/ipv6/conf/all/disable_ipv6", "0\n");
  EXPECT_EQ(check_ipv6(machine_).health, Health::Good);
  machine_.tun = folder_ / "no-tun";
  EXPECT_EQ(check_tun(machine_).health, Health::Bad);
  EXPECT_THAT(check_tun(machine_).mend, HasSubstr("modprobe tun"));
  machine_.tun = "/dev/null";
  EXPECT_EQ(check_tun(machine_).health, Health::Bad);
}

TEST_F(NodeTest, PreflightFindsATakenPort) {
  const Fd taken(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(taken.value(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(taken.value(), 1), 0);
  ::getsockname(taken.value(), reinterpret_cast<sockaddr*>(&address), &size);
  Config config;
  config.metrics_listen = fmt::format("127.0.0.1:{}", ntohs(address.sin_port));
  EXPECT_EQ(check_metrics_port(config, nobody_).health, Health::Bad);
  EXPECT_THAT(check_metrics_port(config, nobody_).found, HasSubstr("in use"));
  config.metrics_listen = "127.0.0.1:0";
  EXPECT_EQ(check_metrics_port(config, nobody_).health, Health::Good);
  config.metrics_listen = "nonsense";
  EXPECT_EQ(check_metrics_port(config, nobody_).health, Health::Bad);
}

TEST_F(NodeTest, PreflightReadsConfigurationAndPolicies) {
  put("etc/bulkhead/policies.d/a.yaml", kSegment);
  EXPECT_EQ(check_policies(paths_, {}).health, Health::Good);
  put("etc/bulkhead/policies.d/b.yaml", kMisspelt);
  EXPECT_THAT(check_policies(paths_, {}).found, HasSubstr("b.yaml:6:5"));
  put("etc/bulkhead/config.yaml", "polices: x\n");
  const auto ended = bulkhead({"preflight", "--root", path(), "-o", "json"});
  EXPECT_EQ(ended.status, 1);
  const auto json = ended.json();
  EXPECT_FALSE(json["ready"].get<bool>());
  EXPECT_EQ(json["checks"][0]["name"], "config");
  EXPECT_EQ(json["checks"][0]["health"], "bad");
  EXPECT_THAT(json["checks"][0]["found"].get<std::string>(), HasSubstr("config.yaml:1:1"));
  EXPECT_THAT(bulkhead({"preflight", "--root", path()}).out, HasSubstr("cannot enforce yet"));
}

TEST_F(NodeTest, ReportLintsAndSaysThatNobodyAnswers) {
  put("etc/bulkhead/config.yaml", "metrics: {listen: '127.0.0.1:1'}\n");
  put("etc/bulkhead/policies.d/a.yaml",
      std::string(kPods) +
          "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
          "metadata: {name: p, namespace: backend}\nspec: {ingress: [{}]}\n");
  const auto ended = bulkhead({"report", "--root", path(), "-o", "json"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("no metrics"));
  std::vector<std::string> areas;
  const auto json = ended.json();
  for (const auto& matter : json["matters"]) {
    areas.push_back(matter["area"].get<std::string>() + " " +
                    matter["severity"].get<std::string>());
  }
  EXPECT_THAT(areas, testing::Contains("agent error"));
  EXPECT_THAT(areas, testing::Contains("lint warning"));
}

TEST(Scrape, SumsDropsByReason) {
  const auto drops = drops_in(
      "# TYPE bulkhead_drops_total counter\n"
      "bulkhead_drops_total{reason=\"denied_egress\"} 7\n"
      "bulkhead_drops_total{reason=\"no_route\"} 0\n"
      "bulkhead_drops_total{reason=\"tunnel\",worker=\"1\"} 2\n"
      "bulkhead_drops_total{reason=\"tunnel\",worker=\"2\"} 3\n"
      "bulkhead_drops_total{reason=\"bad\"} NaN\nbulkhead_drops_total{reason=\"cut");
  EXPECT_EQ(drops, (std::map<std::string, std::uint64_t>{{"denied_egress", 7}, {"tunnel", 5}}));
}

TEST(Shareable, KeepsPoliciesAndNamesTheRest) {
  const std::string policy =
      "apiVersion: bulkhead.io/v1alpha1\nkind: Segment\nmetadata: {name: s}\n";
  const std::string secret = "apiVersion: v1\nkind: Secret\nstringData: {password: hunter2}\n";
  EXPECT_EQ(shareable(policy), policy);
  EXPECT_EQ(shareable(secret), "# left out: Secret\n");
  EXPECT_EQ(shareable("---\n" + secret + "---\n" + policy + "--- # last\n" + secret),
            "---\n# left out: Secret\n---\n" + policy + "---\n# left out: Secret\n");
  const std::vector<std::string> hiding = {
      R"({"apiVersion": "bulkhead.io/v1alpha1", "password": "hunter2"})",
      "--- {password: hunter2}\n", policy + "apiVersion: v1\npassword: hunter2\n",
      "apiVersion: v1\nkind: List\nitems: [{apiVersion: bulkhead.io/v1, password: hunter2}]\n"};
  for (const auto& hidden : hiding) {
    EXPECT_THAT(shareable(hidden), Not(HasSubstr("hunter2"))) << hidden;
  }
}

TEST_F(NodeTest, SupportBundleIsATarWithoutSecrets) {
  put("etc/bulkhead/config.yaml", "metrics: {listen: '127.0.0.1:1'}\ninstance: one\n");
  put("etc/bulkhead/policies.d/a.yaml", kSegment);
  put("etc/bulkhead/policies.d/pods.yaml",
      "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: n, labels: {app: x}}\n"
      "spec: {containers: [{name: c, env: [{name: PASSWORD, value: hunter2}]}]}\n");
  put("var/log/bulkhead/audit.jsonl", "{\"uid\":0}\n");
  const auto ended = bulkhead({"support-bundle", "--root", path(), "--out", path("s.tar")});
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("status.json left out"));
  std::ifstream stream(path("s.tar"), std::ios::binary);
  const std::string tar{std::istreambuf_iterator<char>(stream), {}};
  EXPECT_THAT(tar, HasSubstr("kind: Segment"));
  EXPECT_THAT(tar, HasSubstr("instance: one"));
  EXPECT_THAT(tar, HasSubstr("{\"uid\":0}"));
  EXPECT_THAT(tar, HasSubstr("\"n/p\""));
  EXPECT_THAT(tar, Not(HasSubstr("hunter2")));
  // The real tar reads it.
  const std::string list = "tar -tf " + path("s.tar") + " > " + path("list");
  ASSERT_EQ(std::system(list.c_str()), 0);
  std::ifstream names(path("list"));
  const std::string text{std::istreambuf_iterator<char>(names), {}};
  EXPECT_THAT(text, HasSubstr("bulkhead-support/policies/a.yaml\n"));
  EXPECT_THAT(text, HasSubstr("bulkhead-support/contents.txt\n"));
  EXPECT_EQ(bulkhead({"support-bundle", "--root", path(), "--out", path("no/s.tar")}).status, 2);
}

}  // namespace
}  // namespace bulkhead::control::cli
