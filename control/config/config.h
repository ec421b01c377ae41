// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "policy/base/result.h"
#include "policy/model/cluster.h"

namespace bulkhead::control {

// Every path derives from --root DIR or BULKHEAD_ROOT (design.md section 7).
struct Paths {
  std::filesystem::path root = "/";

  [[nodiscard]] std::filesystem::path config() const { return root / "etc/bulkhead/config.yaml"; }
  [[nodiscard]] std::filesystem::path policies() const { return root / "etc/bulkhead/policies.d"; }
  [[nodiscard]] std::filesystem::path state() const { return root / "var/lib/bulkhead"; }
  [[nodiscard]] std::filesystem::path accepted() const { return state() / "accepted"; }
  [[nodiscard]] std::filesystem::path tombstones() const { return state() / "tombstones"; }
  [[nodiscard]] std::filesystem::path run() const { return root / "run/bulkhead"; }
  [[nodiscard]] std::filesystem::path agent_socket() const { return run() / "agent.sock"; }
  [[nodiscard]] std::filesystem::path dataplane_socket() const { return run() / "dataplane.sock"; }
  [[nodiscard]] std::filesystem::path flows() const { return run() / "flows"; }
  [[nodiscard]] std::filesystem::path logs() const { return root / "var/log/bulkhead"; }
};

// Who may do what on agent.sock; uid 0 is always admin.
struct RoleRule {
  std::string role;  // admin, operator, developer, auditor
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::vector<std::string> namespaces;  // developer only
};

// A pod that is no TAP: whoever is at the other end of a DPDK device (`ports`).
struct DevicePort {
  std::string devargs;
  model::PodKey pod;
  std::array<std::uint8_t, 6> mac{};  // the pod's
  std::vector<IpAddress> ips;
  std::uint32_t mtu = 1500;
};
inline constexpr std::size_t kMaxDevicePorts = 13;

// /etc/bulkhead/config.yaml, checked. Unknown keys are errors. The defaults are those of the
// standalone agent: everything closed.
struct Config {
  Verdict default_verdict = Verdict::Deny;
  std::vector<std::string> exempt;
  bool default_dns = true;
  std::optional<std::string> policies;  // another policy folder
  std::string verify = "full";          // full | sampled: how much is checked before a swap (law 4)
  std::string established = "reevaluate";
  std::string established_cut = "drop";
  std::vector<Prefix> pod_cidrs;
  std::vector<IpAddress> dns_addresses;
  std::optional<std::string> dns_namespace;
  model::LabelSelector dns_pods;
  bool masquerade = true;
  unsigned workers = 0;           // 0 = cores - 1, at least 1, at most 4
  std::string poll = "adaptive";  // adaptive | busy | epoll
  std::string io = "auto";        // auto | uring | epoll
  std::string memory = "auto";    // auto | hugepages | plain
  std::uint64_t flows_max = 262144;
  std::string metrics_listen = "127.0.0.1:9470";
  std::vector<DevicePort> ports;
  bool standby = false;
  std::vector<RoleRule> roles;
  std::string instance;

  [[nodiscard]] model::Settings settings() const;
};

// Fails with config.yaml:line:col. A missing file gives the defaults.
[[nodiscard]] Result<Config> load_config(const std::filesystem::path& file);

}  // namespace bulkhead::control
