// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/port/eal.h"
#include "dataplane/port/port.h"
#include "dataplane/worker/idle.h"

namespace bulkhead::dataplane {

// The command line of bulkhead-dataplane, checked.
struct Options {
  std::filesystem::path root = "/";
  unsigned workers = 1;
  PollMode poll = PollMode::Adaptive;
  IoChoice io = IoChoice::Auto;
  MemoryChoice memory = MemoryChoice::Auto;
  std::uint64_t flows_max = 262144;
  std::vector<std::string> ports;  // devargs
  std::string instance;

  [[nodiscard]] std::filesystem::path run() const { return root / "run/bulkhead"; }
  [[nodiscard]] std::filesystem::path socket() const { return run() / "dataplane.sock"; }
  [[nodiscard]] std::filesystem::path flows() const { return run() / "flows"; }
  [[nodiscard]] std::filesystem::path lock() const { return run() / "dataplane.lock"; }
};

struct ParsedOptions {
  std::optional<Options> options;  // absent: the program ends with exit_code
  int exit_code = 0;
};

// Prints help, version or what is wrong itself.
[[nodiscard]] ParsedOptions parse_options(int argc, char** argv);

}  // namespace bulkhead::dataplane
