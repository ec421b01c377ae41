// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/io_uring.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>

#include "control/cli/preflight.h"
#include "dataplane/api/memory.h"
#include "dataplane/api/messages.h"
#include "policy/base/fd.h"

extern char** environ;

namespace bulkhead::control::cli {
namespace {

constexpr std::size_t kHugepageMegabytes = 2;
constexpr rlim_t kDescriptors = dataplane::api::kMaxPorts;  // fewer, and it does not start

// A file's number; nothing when it has none.
std::optional<std::uint64_t> number_in(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::uint64_t number = 0;
  if (!(stream >> number)) return std::nullopt;
  return number;
}

std::uint64_t effective_capabilities(const Machine& machine) {
  std::ifstream stream(machine.proc / "self/status");
  constexpr std::string_view kField = "CapEff:";
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with(kField)) return std::strtoull(line.c_str() + kField.size(), nullptr, 16);
  }
  return 0;
}

// True when the program ran and was content. Its output goes nowhere.
bool succeeds(std::vector<const char*> words) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  for (const int out : {STDOUT_FILENO, STDERR_FILENO}) {
    ::posix_spawn_file_actions_addopen(&actions, out, "/dev/null", O_WRONLY, 0);
  }
  words.push_back(nullptr);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, words[0], &actions, nullptr,
                                   const_cast<char* const*>(words.data()), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  return error == 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

// As the data plane counts them.
unsigned workers_of(const Config& config) {
  if (config.workers != 0) return config.workers;
  const unsigned cores = std::thread::hardware_concurrency();
  return std::clamp(cores == 0 ? 1u : cores - 1, 1u, unsigned{dataplane::api::kMaxWorkers});
}

}  // namespace

Check check_capabilities(const Machine& machine) {
  Check check{"capabilities", Health::Good, "may make and move network devices", {}};
  constexpr std::array kNeeded = {std::pair{CAP_NET_ADMIN, "CAP_NET_ADMIN"},
                                  std::pair{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}};
  const auto held = effective_capabilities(machine);
  std::vector<std::string> missing;
  for (const auto& [bit, name] : kNeeded) {
    if ((held >> bit & 1) == 0) missing.emplace_back(name);
  }
  if (missing.empty()) return check;
  return {check.name, Health::Bad, fmt::format("lacks {}", fmt::join(missing, ", ")),
          "run as root (sudo), or give the container these capabilities"};
}

Check check_tun(const Machine& machine) {
  const std::string name = "tun";
  const Fd tun(::open(machine.tun.c_str(), O_RDWR | O_CLOEXEC));
  if (!tun.is_open()) {
    const std::string mend = errno == ENOENT || errno == ENXIO || errno == ENODEV
                                 ? "modprobe tun; in a container, pass the device in"
                                 : "run as root, or allow the device in the container";
    return {name, Health::Bad, fmt::format("{}: {}", machine.tun.string(), std::strerror(errno)),
            mend};
  }
  unsigned features = 0;
  constexpr unsigned kNeeded = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
  const bool has_all =
      ::ioctl(tun.value(), TUNGETFEATURES, &features) == 0 && (features & kNeeded) == kNeeded;
  if (!has_all) {
    return {name, Health::Bad, "the device lacks virtio-net headers or queues",
            "use a kernel of 3.8 or later"};
  }
  return {name, Health::Good, "TAPs with virtio-net headers and queues", {}};
}

Check check_io_uring(const Machine& machine, const Config& config) {
  const std::string name = "io_uring";
  if (config.io == "epoll") return {name, Health::Good, "not wanted (io: epoll)", {}};
  io_uring_params parameters{};
  const Fd ring(static_cast<int>(::syscall(__NR_io_uring_setup, 4, &parameters)));
  if (ring.is_open()) return {name, Health::Good, "rings can be made", {}};
  const int error = errno;
  const auto switched = number_in(machine.proc / "sys/kernel/io_uring_disabled");
  const bool is_switched_off = switched.value_or(0) != 0;
  const std::string mend = is_switched_off
                               ? "sysctl kernel.io_uring_disabled=0"
                               : "use a newer kernel, or a seccomp profile that allows io_uring";
  const bool is_demanded = config.io == "uring";
  return {name, is_demanded ? Health::Bad : Health::Warning,
          fmt::format("{}{}", std::strerror(error),
                      is_demanded ? ", but the configuration says io: uring"
                                  : "; epoll will be used, with fewer packets per second"),
          is_demanded ? mend + ", or set io: auto" : mend};
}

Check check_memory(const Machine& machine, const Config& config) {
  const std::string name = "memory";
  if (config.memory == "plain") return {name, Health::Good, "plain memory, as configured", {}};
  const auto folder = machine.sys / "kernel/mm/hugepages/hugepages-2048kB";
  const std::size_t pages = number_in(folder / "free_hugepages").value_or(0);
  const std::size_t total = number_in(folder / "nr_hugepages").value_or(0);
  const std::size_t needed =
      (dataplane::api::megabytes_needed(workers_of(config), !config.ports.empty()) +
       kHugepageMegabytes - 1) /
      kHugepageMegabytes;
  const std::string found = fmt::format("{} MB of hugepages are free", pages * kHugepageMegabytes);
  if (pages >= needed) return {name, Health::Good, found, {}};
  const std::string mend = fmt::format("sysctl vm.nr_hugepages={}", total + needed - pages);
  if (config.memory == "hugepages") {
    return {name, Health::Bad, found + ", but the configuration says memory: hugepages",
            mend + ", or set memory: auto"};
  }
  // The default works without; it is no fault of a small node.
  return {name, Health::Good, found + "; plain memory will be used", {}};
}

Check check_ipv6(const Machine& machine) {
  const std::string name = "ipv6";
  const auto disabled = number_in(machine.proc / "sys/net/ipv6/conf/all/disable_ipv6");
  if (disabled && *disabled == 0) return {name, Health::Good, "the kernel speaks IPv6", {}};
  return {name, Health::Warning, "IPv6 is switched off: pods get no IPv6 beyond this node",
          "sysctl net.ipv6.conf.all.disable_ipv6=0, or give pods IPv4 only"};
}

Check check_masquerade(const Config& config) {
  const std::string name = "masquerade";
  if (!config.masquerade) return {name, Health::Good, "not wanted (masquerade: false)", {}};
  if (succeeds({"nft", "list", "tables"})) return {name, Health::Good, "nft reaches nf_tables", {}};
  return {
      name, Health::Bad, "nft is missing, or the kernel refuses it",
      "apt-get install nftables, modprobe nf_tables, and run as root; or set masquerade: false"};
}

Check check_processors(const Config& config) {
  const unsigned cores = std::thread::hardware_concurrency();
  const std::string found =
      fmt::format("{} core{}, {} worker{}", cores, cores == 1 ? "" : "s",
                  config.workers == 0 ? std::string("automatic") : std::to_string(config.workers),
                  config.workers == 1 ? "" : "s");
  if (config.workers < cores || config.workers <= 1) return {"processors", Health::Good, found, {}};
  return {"processors", Health::Warning, found + ": workers will wait for each other",
          fmt::format("set workers: {}, or leave it out", cores - 1)};
}

Check check_descriptors() {
  rlimit limit{};
  const bool is_known = ::getrlimit(RLIMIT_NOFILE, &limit) == 0;
  const std::string found = fmt::format("{} open files at most", limit.rlim_max);
  if (is_known && limit.rlim_max >= kDescriptors) return {"descriptors", Health::Good, found, {}};
  return {"descriptors", Health::Bad, found + ", the data plane needs more",
          fmt::format("set LimitNOFILE={} in the units, or ulimit -n", kDescriptors)};
}

}  // namespace bulkhead::control::cli
