// SPDX-License-Identifier: Apache-2.0
#include "cni/plugin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "control/api/json.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/cni/fake_agent.h"
#include "tests/unit/control/endpoint/private_network.h"

// The whole plugin with Debian's host-local and an agent that is real up to its HTTP server.
namespace bulkhead::cni {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Plugin : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists("/usr/lib/cni/host-local")) {
      GTEST_SKIP() << "needs /usr/lib/cni/host-local (package containernetworking-plugins)";
    }
  }

  [[nodiscard]] fs::path root() const { return folder_.path(); }
  void start_agent() { agent_ = std::make_unique<FakeAgent>(root()); }
  void stop_agent() { agent_.reset(); }

  [[nodiscard]] Json configuration() const {
    return {{"cniVersion", "1.0.0"},
            {"name", "net"},
            {"type", "bulkhead-cni"},
            {"ipam",
             {{"type", "host-local"},
              {"dataDir", (root() / "leases").string()},
              {"ranges", {{{{"subnet", "10.88.0.0/24"}}}, {{{"subnet", "fd00:88::/64"}}}}},
              {"routes", {{{"dst", "0.0.0.0/0"}}, {{"dst", "::/0"}}}}}}};
  }
  [[nodiscard]] Environment environment(const std::string& command,
                                        const std::string& container = "c1") const {
    return {{"CNI_COMMAND", command},
            {"CNI_CONTAINERID", container},
            {"CNI_NETNS", "/run/netns/f-none"},
            {"CNI_IFNAME", "eth0"},
            {"CNI_PATH", "/usr/lib/cni"},
            {"CNI_ARGS", "IgnoreUnknown=1;K8S_POD_NAMESPACE=db;K8S_POD_NAME=db-0;K8S_POD_UID=u1"},
            {"BULKHEAD_ROOT", root().string()}};
  }
  Answer call(const std::string& command) { return call(environment(command), configuration()); }
  Answer call(const Environment& environment, const Json& configuration) {
    return run(environment, configuration.dump(),
               {std::chrono::milliseconds(200), std::chrono::milliseconds(100),
                std::chrono::milliseconds(300)});
  }

  // Leased addresses, as host-local keeps them.
  [[nodiscard]] std::vector<std::string> leases() const {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(root() / "leases/net", error)) {
      const std::string name = entry.path().filename();
      if (name.find("10.88") == 0 || name.find("fd00") == 0) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  [[nodiscard]] std::vector<fs::path> tombstones() const {
    std::vector<fs::path> files;
    std::error_code error;
    for (const auto& entry :
         fs::directory_iterator(root() / "var/lib/bulkhead/tombstones", error)) {
      files.push_back(entry.path());
    }
    return files;
  }
  static int code_of(const Answer& answer) {
    EXPECT_EQ(answer.exit_code, 1);
    return Json::parse(answer.output).at("code").get<int>();
  }

  TemporaryFolder folder_;
  std::unique_ptr<FakeAgent> agent_;
};

TEST_F(Plugin, AddGivesBothFamiliesAndTellsTheAgentWhoThePodIs) {
  start_agent();
  auto given = configuration();
  given["mtu"] = 1400;
  given["args"]["cni"]["labels"] = {{{"key", "app"}, {"value", "db"}}};
  const auto answer = call(environment("ADD"), given);
  ASSERT_EQ(answer.exit_code, 0) << answer.output;
  const Json result = Json::parse(answer.output);
  EXPECT_EQ(result.at("cniVersion"), "1.0.0");
  EXPECT_EQ(
      result.at("interfaces"),
      Json::parse(R"([{"name":"eth0","mac":"02:01:02:03:04:05","sandbox":"/run/netns/f-none"}])"));
  EXPECT_EQ(result.at("ips"), Json::parse(R"([
      {"address":"10.88.0.2/24","gateway":"169.254.1.1","interface":0},
      {"address":"fd00:88::2/64","gateway":"fe80::1","interface":0}])"));
  EXPECT_EQ(result.at("routes"), Json::parse(R"([
      {"dst":"0.0.0.0/0","gw":"169.254.1.1"},{"dst":"::/0","gw":"fe80::1"}])"));
  ASSERT_THAT(agent_->attached(), SizeIs(1));
  const auto request = agent_->attached().front();
  EXPECT_EQ(request.pod_namespace, "db");
  EXPECT_EQ(request.pod_name, "db-0");
  EXPECT_EQ(request.pod_uid, "u1");
  EXPECT_EQ(request.mtu, 1400u);
  EXPECT_EQ(request.labels.at("app"), "db");
  EXPECT_THAT(leases(), ElementsAre("10.88.0.2", "fd00:88::2"));
}

TEST_F(Plugin, OlderVersionsGetTheirOwnForm) {
  start_agent();
  for (const char* version : {"0.3.1", "0.4.0"}) {
    auto given = configuration();
    given["cniVersion"] = version;
    const auto answer = call(environment("ADD", std::string("c") + version), given);
    ASSERT_EQ(answer.exit_code, 0) << answer.output;
    const Json result = Json::parse(answer.output);
    EXPECT_EQ(result.at("cniVersion"), version);
    EXPECT_EQ(result.at("ips").at(0).at("version"), "4");
    EXPECT_EQ(result.at("ips").at(1).at("version"), "6");
  }
}

TEST_F(Plugin, DelFreesTheAddressesAndRepeats) {
  start_agent();
  ASSERT_EQ(call("ADD").exit_code, 0);
  const auto answer = call("DEL");
  EXPECT_EQ(answer.exit_code, 0) << answer.output;
  EXPECT_THAT(answer.output, IsEmpty());
  EXPECT_THAT(agent_->attached(), IsEmpty());
  EXPECT_THAT(leases(), IsEmpty());
  EXPECT_EQ(call("DEL").exit_code, 0);
  EXPECT_EQ(call(environment("DEL", "never-seen"), configuration()).exit_code, 0);
  EXPECT_THAT(tombstones(), IsEmpty());
}

TEST_F(Plugin, DelWithoutANamespaceWorks) {
  start_agent();
  ASSERT_EQ(call("ADD").exit_code, 0);
  auto variables = environment("DEL");
  variables["CNI_NETNS"] = "";
  EXPECT_EQ(call(variables, configuration()).exit_code, 0);
  EXPECT_THAT(leases(), IsEmpty());
}

TEST_F(Plugin, DelWithTheAgentDeadLeavesATombstoneAndFreesTheAddresses) {
  start_agent();
  ASSERT_EQ(call("ADD").exit_code, 0);
  stop_agent();
  const auto answer = call("DEL");
  EXPECT_EQ(answer.exit_code, 0) << answer.output;
  EXPECT_THAT(leases(), IsEmpty());
  ASSERT_THAT(tombstones(), SizeIs(1));
  EXPECT_EQ(tombstones().front().filename(), "c1@eth0.json");
  std::ifstream file(tombstones().front());
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto request = api::read_detachment_request(text);
  ASSERT_TRUE(request) << request.error().text();
  EXPECT_EQ(request->container_id, "c1");
  EXPECT_EQ(request->netns, "/run/netns/f-none");
  EXPECT_EQ(call("DEL").exit_code, 0);
}

TEST_F(Plugin, DelKeepsTheAddressesWhenNeitherAgentNorTombstoneKnows) {
  start_agent();
  ASSERT_EQ(call("ADD").exit_code, 0);
  stop_agent();
  fs::create_directories(root() / "var/lib/bulkhead");
  std::ofstream(root() / "var/lib/bulkhead/tombstones") << "no folder";
  EXPECT_EQ(code_of(call("DEL")), 5);
  EXPECT_THAT(leases(), SizeIs(2)) << "another pod could get an address that is still this pod's";
}

TEST_F(Plugin, DelWithTheAgentDeadDeletesTheLinkInsideThePod) {
  in_private_network([this] {
    const PodNamespace pod;
    (void)pod.output(
        "ip tuntap add eth0 mode tap; ip tuntap add eth1 mode tap;"
        "ip link add theirs type veth peer name other");
    auto variables = environment("DEL");
    variables["CNI_NETNS"] = pod.path();
    EXPECT_EQ(call(variables, configuration()).exit_code, 0);
    EXPECT_THAT(pod.output("ip -br link"), Not(HasSubstr("eth0 ")));
    EXPECT_THAT(pod.output("ip -br link"), HasSubstr("eth1"));
    variables["CNI_IFNAME"] = "theirs";
    EXPECT_EQ(call(variables, configuration()).exit_code, 0);
    EXPECT_THAT(pod.output("ip -br link"), HasSubstr("theirs"));
  });
}

TEST_F(Plugin, AnAddAfterATombstoneTakesItAway) {
  ASSERT_EQ(call("DEL").exit_code, 0);
  ASSERT_THAT(tombstones(), SizeIs(1));
  start_agent();
  ASSERT_EQ(call("ADD").exit_code, 0);
  EXPECT_THAT(tombstones(), IsEmpty());
}

TEST_F(Plugin, ADelThatTheAgentServesTakesAnOlderTombstoneAway) {
  ASSERT_EQ(call("DEL").exit_code, 0);
  ASSERT_THAT(tombstones(), SizeIs(1));
  start_agent();
  ASSERT_EQ(call("DEL").exit_code, 0);
  EXPECT_THAT(tombstones(), IsEmpty());
}

TEST_F(Plugin, AddWithoutAnAgentIsTriedAgainLaterAndLeavesNothing) {
  const auto answer = call("ADD");
  EXPECT_EQ(code_of(answer), 11);
  EXPECT_THAT(leases(), IsEmpty());
  EXPECT_THAT(tombstones(), IsEmpty());
}

TEST_F(Plugin, AddIsUndoneWhenTheAgentRefuses) {
  start_agent();
  agent_->refuse_with({403, "forbidden", "not you", ""});
  EXPECT_EQ(code_of(call("ADD")), 100);
  EXPECT_THAT(leases(), IsEmpty());
  agent_->refuse_with({503, "dataplane_unavailable", "no data plane", ""});
  const auto answer = call("ADD");
  EXPECT_EQ(code_of(answer), 11);
  EXPECT_THAT(answer.output, HasSubstr("no data plane"));
  EXPECT_THAT(leases(), IsEmpty());
}

TEST_F(Plugin, AddLeavesATombstoneWhenNobodyKnowsWhatTheAgentDid) {
  // A socket that takes the request and never answers.
  fs::create_directories(root() / "run/bulkhead");
  const Fd silent(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (root() / "run/bulkhead/agent.sock").string().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(silent.value(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(silent.value(), 8), 0);
  EXPECT_EQ(code_of(call("ADD")), 11);
  EXPECT_THAT(leases(), IsEmpty());
  EXPECT_THAT(tombstones(), SizeIs(1));
}

TEST_F(Plugin, AnUnknownIpamPluginIsNamed) {
  start_agent();
  auto given = configuration();
  given["ipam"]["type"] = "no-such-plugin";
  const auto answer = call(environment("ADD"), given);
  EXPECT_EQ(code_of(answer), 101);
  EXPECT_THAT(answer.output, HasSubstr("no-such-plugin"));
  EXPECT_THAT(agent_->attached(), IsEmpty());
}

TEST_F(Plugin, AnIpamRefusalIsPassedOn) {
  start_agent();
  auto given = configuration();
  given["ipam"]["ranges"] = {{{{"subnet", "10.88.0.0/30"}}}};
  ASSERT_EQ(call(environment("ADD", "c1"), given).exit_code, 0);
  const auto answer = call(environment("ADD", "c2"), given);
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_THAT(answer.output, HasSubstr("host-local: "));
  EXPECT_THAT(agent_->attached(), SizeIs(1));
}

TEST_F(Plugin, CheckComparesWithPrevResultAndTheAgent) {
  start_agent();
  const auto added = call("ADD");
  ASSERT_EQ(added.exit_code, 0);
  auto given = configuration();
  EXPECT_EQ(code_of(call(environment("CHECK"), given)), 7) << "no prevResult";
  given["prevResult"] = Json::parse(added.output);
  const auto answer = call(environment("CHECK"), given);
  EXPECT_EQ(answer.exit_code, 0) << answer.output;
  EXPECT_THAT(answer.output, IsEmpty());

  auto other = given;
  other["prevResult"]["ips"][0]["address"] = "10.88.0.9/24";
  EXPECT_EQ(code_of(call(environment("CHECK"), other)), 102);
  other = given;
  other["prevResult"]["interfaces"][0]["mac"] = "02:00:00:00:00:00";
  EXPECT_EQ(code_of(call(environment("CHECK"), other)), 102);
  given["cniVersion"] = "0.3.1";
  EXPECT_EQ(code_of(call(environment("CHECK"), given)), 1);
}

TEST_F(Plugin, CheckOfALostAttachmentIsAnUnknownContainer) {
  start_agent();
  const auto added = call("ADD");
  ASSERT_TRUE(agent_->detach({"c1", "eth0", ""}));
  auto given = configuration();
  given["prevResult"] = Json::parse(added.output);
  EXPECT_EQ(code_of(call(environment("CHECK"), given)), 3);
}

TEST_F(Plugin, TheSocketKeyFindsTheAgentAndItsTombstones) {
  auto variables = environment("DEL");
  variables.erase("BULKHEAD_ROOT");
  auto given = configuration();
  given["socket"] = (root() / "run/bulkhead/agent.sock").string();
  EXPECT_EQ(call(variables, given).exit_code, 0);
  EXPECT_THAT(tombstones(), SizeIs(1));
  start_agent();
  variables["CNI_COMMAND"] = "ADD";
  EXPECT_EQ(call(variables, given).exit_code, 0);
}

TEST_F(Plugin, NamesAndPathsAreCheckedBeforeAnythingRuns) {
  start_agent();
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"CNI_CONTAINERID", "../../etc/passwd"},
                                                        {"CNI_CONTAINERID", ""},
                                                        {"CNI_IFNAME", "a/b"},
                                                        {"CNI_IFNAME", "sixteencharacter"},
                                                        {"CNI_NETNS", "relative"},
                                                        {"CNI_NETNS", "/run/../etc"},
                                                        {"CNI_NETNS", ""},
                                                        {"CNI_PATH", ""},
                                                        {"CNI_PATH", "bin"},
                                                        {"CNI_ARGS", "nonsense"},
                                                        {"CNI_COMMAND", "add"},
                                                        {"CNI_COMMAND", ""}}) {
    auto variables = environment("ADD");
    variables[name] = value;
    const auto answer = call(variables, configuration());
    EXPECT_EQ(code_of(answer), 4) << name << "=" << value;
    EXPECT_THAT(answer.output, HasSubstr(name));
  }
  EXPECT_THAT(leases(), IsEmpty());
}

TEST_F(Plugin, GarbageOnStandardInputIsCode6) {
  for (const char* garbage : {"", "{", "[]", "null", "\xff\xfe", "{\"cniVersion\":\"1.0.0\"} x"}) {
    const auto answer = run(environment("ADD"), garbage);
    EXPECT_EQ(code_of(answer), 6) << garbage;
    EXPECT_EQ(Json::parse(answer.output).at("cniVersion"), "1.0.0");
  }
  EXPECT_EQ(code_of(run(environment("ADD"), std::string(2 << 20, ' '))), 6);
  EXPECT_EQ(code_of(run(environment("ADD"), std::string(100000, '['))), 6);
}

TEST_F(Plugin, VersionNeedsNothingElse) {
  const auto answer = run({{"CNI_COMMAND", "VERSION"}}, R"({"cniVersion":"0.4.0"})");
  EXPECT_EQ(answer.exit_code, 0);
  EXPECT_EQ(Json::parse(answer.output),
            Json::parse(R"({"cniVersion":"0.4.0","supportedVersions":["0.3.1","0.4.0","1.0.0"]})"));
  EXPECT_EQ(run({{"CNI_COMMAND", "VERSION"}}, "").exit_code, 0);
  EXPECT_EQ(code_of(run({{"CNI_COMMAND", "VERSION"}}, "{")), 6);
}

TEST_F(Plugin, VersionsWeDoNotSpeakAreCode1AndNameThoseWeDo) {
  for (const char* version : {"0.1.0", "0.3.0", "1.1.0", "9.9.9", ""}) {
    auto given = configuration();
    given["cniVersion"] = version;
    const auto answer = call(environment("ADD"), given);
    EXPECT_EQ(code_of(answer), 1) << version;
    EXPECT_THAT(answer.output, HasSubstr("0.3.1, 0.4.0, 1.0.0"));
  }
}

}  // namespace
}  // namespace bulkhead::cni
