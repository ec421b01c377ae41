// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "tests/scenario/dataplane_attack/node.h"

// A full file system, no hugepages, a second data plane, many idle pods.
namespace bulkhead::scenario {
namespace {

using namespace dataplane::api;

class RottenMachine : public Node {};

TEST_F(RottenMachine, AFullFileSystemCostsOnlyTheRestart) {
  std::thread([&] {
    // A mount namespace of this thread's own, which the data plane inherits.
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(mount("tmpfs", "/run", "tmpfs", 0, "size=64k"), 0);
    ASSERT_EQ(setenv("TMPDIR", "/run", 1), 0);
    start();
    connect();
    publish(1);
    attach(1);
    expect_enforced();
    const auto flows = plane_->root() / "run/bulkhead/flows";
    EXPECT_EQ(std::filesystem::file_size(flows), 0u);  // never taken over
    die_and_return(2);
    expect_enforced();
    agent_.reset();
    plane_.reset();
    unsetenv("TMPDIR");
  }).join();
}

TEST_F(RottenMachine, ASecondDataPlaneIsRefused) {
  start();
  connect();
  publish(1);
  attach(1);
  const std::string second = fmt::format("{} --memory plain --root {} 2>/dev/null",
                                         BULKHEAD_DATAPLANE, plane_->root().string());
  EXPECT_NE(std::system(second.c_str()), 0);
  expect_enforced();
}

TEST_F(RottenMachine, StartsWithoutHugepages) {
  std::thread([&] {
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    if (std::filesystem::exists("/dev/hugepages")) {
      ASSERT_EQ(mount("tmpfs", "/dev/hugepages", "tmpfs", MS_RDONLY, nullptr), 0);
    }
    start();
    connect();
    publish(1);
    attach(1);
    expect_enforced();
    agent_.reset();
    plane_.reset();
  }).join();
}

struct Usage {
  std::uint64_t cpu_ns = 0;
  std::string resident;
};

Usage usage_of(pid_t pid) {
  Usage usage;
  const std::filesystem::path folder = "/proc/" + std::to_string(pid);
  for (const auto& task : std::filesystem::directory_iterator(folder / "task")) {
    std::uint64_t ns = 0;
    std::ifstream(task.path() / "schedstat") >> ns;
    usage.cpu_ns += ns;
  }
  std::ifstream status(folder / "status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) usage.resident = line.substr(6);
  }
  return usage;
}

class IdleNode : public Node, public testing::WithParamInterface<const char*> {};

TEST_P(IdleNode, AHundredPodsCostLessThanTwoPercentOfACore) {
  constexpr std::uint32_t kPods = 100;
  start({"--io", GetParam(), "--flows-max", "262144"});
  connect();
  publish(1);
  std::vector<Fd> taps;
  std::thread([&] {
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    // No chatter of their own.
    std::ofstream("/proc/sys/net/ipv6/conf/default/disable_ipv6") << 1;
    const Fd control(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    for (std::uint32_t i = 0; i < kPods; ++i) {
      Fd tap(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
      ifreq request{};
      std::snprintf(request.ifr_name, sizeof request.ifr_name, "pod%u", i);
      request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
      int header = 12;
      ASSERT_EQ(ioctl(tap.value(), TUNSETIFF, &request), 0);
      ASSERT_EQ(ioctl(tap.value(), TUNSETVNETHDRSZ, &header), 0);
      request.ifr_flags = IFF_UP;
      ASSERT_EQ(ioctl(control.value(), SIOCSIFFLAGS, &request), 0);
      AttachPort port = web_->attachment(1);
      port.port = 1000 + i;
      port.endpoint = 1000 + i;
      ASSERT_EQ(agent_->attach(port, {tap.value()}).code, AckCode::Ok);
      taps.push_back(std::move(tap));
    }
  }).join();
  ASSERT_EQ(taps.size(), kPods);
  // The devices' first words (MLD, solicitations) are over when nothing has come for a second.
  constexpr std::chrono::seconds kQuiet(1);
  std::uint64_t received = 0;
  do {
    received = agent_->total(&WorkerStats::received);
    std::this_thread::sleep_for(kQuiet);
  } while (agent_->total(&WorkerStats::received) != received);
  const Usage before = usage_of(plane_->pid());
  const auto begun = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(std::chrono::seconds(3));
  const Usage after = usage_of(plane_->pid());
  const auto passed = std::chrono::steady_clock::now() - begun;
  const double share =
      100.0 * static_cast<double>(after.cpu_ns - before.cpu_ns) /
      static_cast<double>(std::chrono::duration_cast<std::chrono::nanoseconds>(passed).count());
  std::cout << fmt::format("{}: {} idle pods cost {:.2f} % of a core, resident {}\n", GetParam(),
                           kPods, share, after.resident);
  EXPECT_LT(share, 2.0);
}

INSTANTIATE_TEST_SUITE_P(Methods, IdleNode, testing::Values("auto", "epoll"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace bulkhead::scenario
