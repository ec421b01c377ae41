// SPDX-License-Identifier: Apache-2.0
#include "cni/lost.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "policy/base/fd.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/cni/fake_agent.h"

// Leases that no DEL gave back, with Debian's host-local and a pool of five addresses.
namespace bulkhead::cni {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class Lost : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists("/usr/lib/cni/host-local")) {
      GTEST_SKIP() << "needs /usr/lib/cni/host-local (package containernetworking-plugins)";
    }
    agent_ = std::make_unique<FakeAgent>(folder_.path());
  }

  Answer call(const std::string& command, const std::string& container,
              const std::string& network = "net") {
    const Json configuration = {
        {"cniVersion", "1.0.0"},
        {"name", network},
        {"type", "bulkhead-cni"},
        {"ipam",
         {{"type", "host-local"},
          {"dataDir", (folder_.path() / "leases").string()},
          {"ranges", {{{{"subnet", "10.88.0.0/29"}}}, {{{"subnet", "fd00:88::/125"}}}}}}}};
    const Environment environment = {
        {"CNI_COMMAND", command},
        {"CNI_CONTAINERID", container},
        {"CNI_NETNS", "/run/netns/r-none"},
        {"CNI_IFNAME", "eth0"},
        {"CNI_PATH", "/usr/lib/cni"},
        {"CNI_ARGS", "IgnoreUnknown=1;K8S_POD_NAMESPACE=db;K8S_POD_NAME=" + container},
        {"BULKHEAD_ROOT", folder_.path().string()}};
    return run(environment, configuration.dump(),
               {std::chrono::seconds(5), std::chrono::seconds(1), std::chrono::seconds(5)});
  }
  // The pool: .2 to .6, one is the gateway's.
  void fill() {
    for (const auto* name : {"c1", "c2", "c3", "c4", "c5"}) {
      const auto answer = call("ADD", name);
      ASSERT_EQ(answer.exit_code, 0) << name << answer.output;
    }
  }
  void lose_all() {
    for (const auto& request : agent_->attached()) agent_->lose(request.container_id, "eth0");
  }

  TemporaryFolder folder_;
  std::unique_ptr<FakeAgent> agent_;
};

TEST_F(Lost, AFullPoolWithoutLostAttachmentsRefuses) {
  fill();
  EXPECT_NE(call("ADD", "c6").exit_code, 0);
}

TEST_F(Lost, AddressesOfLostAttachmentsAreGivenBackBeforeTheNextLease) {
  fill();
  lose_all();
  EXPECT_EQ(agent_->lost(), 5u);
  for (const auto* name : {"d1", "d2", "d3", "d4", "d5"}) {
    const auto answer = call("ADD", name);
    EXPECT_EQ(answer.exit_code, 0) << answer.output << answer.notes;
  }
  EXPECT_EQ(agent_->lost(), 0u);
  EXPECT_NE(call("ADD", "d6").exit_code, 0);
}

TEST_F(Lost, AnotherNetworksLeasesAreLeftAlone) {
  fill();
  lose_all();
  EXPECT_EQ(call("ADD", "other", "net2").exit_code, 0);
  EXPECT_EQ(agent_->lost(), 5u);
}

TEST_F(Lost, ALateDeleteConfirmsToo) {
  ASSERT_EQ(call("ADD", "c1").exit_code, 0);
  lose_all();
  EXPECT_EQ(call("DEL", "c1").exit_code, 0);
  EXPECT_EQ(agent_->lost(), 0u);
}

// While another ADD is between its lease and the agent's answer, nothing may be given back: it
// could be the very container whose old lease is on the list.
TEST_F(Lost, WaitsForAddsUnderWayAndFreesOnlyWhenThePoolIsFull) {
  ASSERT_EQ(call("ADD", "c1").exit_code, 0);
  lose_all();
  const auto file = folder_.path() / "run/bulkhead/cni.lock";
  const Fd other(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(other.value(), LOCK_SH), 0);
  EXPECT_EQ(call("ADD", "c2").exit_code, 0);
  EXPECT_EQ(agent_->lost(), 1u);
  ASSERT_EQ(::flock(other.value(), LOCK_UN), 0);
  EXPECT_EQ(call("ADD", "c3").exit_code, 0);
  EXPECT_EQ(agent_->lost(), 0u);
}

}  // namespace
}  // namespace bulkhead::cni
