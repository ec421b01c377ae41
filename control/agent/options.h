// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <variant>

namespace bulkhead::control::agent {

// The command line of bulkhead-agent.
struct Options {
  std::filesystem::path root = "/";
  std::filesystem::path config;  // empty = below root
  bool supervises = false;
  std::filesystem::path dataplane;  // empty = beside this program
  bool writes_flags = false;        // only write what a unit starts the data plane with
  bool unwires = false;             // only take the node's ports, routes and rules away
};

// The options, or the exit code when the run ends here (--help, --version, a wrong flag).
[[nodiscard]] std::variant<Options, int> read_options(int argc, char** argv);

}  // namespace bulkhead::control::agent
