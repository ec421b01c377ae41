// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "control/api/client.h"
#include "control/config/config.h"

namespace bulkhead::control::cli {

// Good: as it should be. Warning: it will work, but worse than it could. Bad: it will not start, or
// not do its work.
enum class Health : std::uint8_t { Good, Warning, Bad };

struct Check {
  std::string name;  // stable, snake_case
  Health health = Health::Good;
  std::string found;  // what is the case
  std::string mend;   // what to do; empty when good
};

// Where a machine keeps what we look at; tests look elsewhere.
struct Machine {
  std::filesystem::path tun = "/dev/net/tun";
  std::filesystem::path proc = "/proc";
  std::filesystem::path sys = "/sys";
  std::filesystem::path networks = "/etc/cni/net.d";
  std::vector<std::filesystem::path> plugins = {"/opt/cni/bin", "/usr/lib/cni"};
};

// Everything that could keep this node from enforcing, found before anything is started. Changes
// nothing: what it opens it closes.
[[nodiscard]] std::vector<Check> preflight(const Paths& paths, const Machine& machine,
                                           const api::Client& agent);

// {"ready": bool, "checks": [{"name", "health": "good|warning|bad", "found", "mend"}]}
[[nodiscard]] std::string json_of(const std::vector<Check>& checks);

// Its parts. What the kernel must offer:
[[nodiscard]] Check check_capabilities(const Machine& machine);
[[nodiscard]] Check check_tun(const Machine& machine);
[[nodiscard]] Check check_io_uring(const Machine& machine, const Config& config);
[[nodiscard]] Check check_memory(const Machine& machine, const Config& config);
[[nodiscard]] Check check_ipv6(const Machine& machine);
[[nodiscard]] Check check_masquerade(const Config& config);
[[nodiscard]] Check check_processors(const Config& config);
[[nodiscard]] Check check_descriptors();
// What the administrator wrote:
[[nodiscard]] Check check_policies(const Paths& paths, const Config& config);
[[nodiscard]] Check check_addresses(const Config& config);
[[nodiscard]] Check check_paths(const Paths& paths);
[[nodiscard]] Check check_metrics_port(const Config& config, const api::Client& agent);
[[nodiscard]] Check check_network(const Machine& machine);
[[nodiscard]] Check check_plugins(const Machine& machine);

}  // namespace bulkhead::control::cli
