// SPDX-License-Identifier: Apache-2.0
#include "control/agent/options.h"

#include <CLI/CLI.hpp>

#include "control/agent/version.h"

namespace bulkhead::control::agent {

std::variant<Options, int> read_options(int argc, char** argv) {
  constexpr int kUsageError = 2;
  Options options;
  CLI::App app(
      "Compiles policy files and inventory, publishes them to bulkhead-dataplane, wires "
      "pods for bulkhead-cni, and answers the bulkhead command.",
      "bulkhead-agent");
  app.set_version_flag("--version", std::string(kVersion));
  app.add_option("--root", options.root, "every path is below this folder")
      ->envname("BULKHEAD_ROOT");
  app.add_option("--config", options.config, "instead of ROOT/etc/bulkhead/config.yaml");
  auto* const supervise =
      app.add_flag("--supervise", options.supervises,
                   "start bulkhead-dataplane and restart it when it ends; SIGTERM ends both");
  app.add_option("--dataplane", options.dataplane,
                 "the program that --supervise starts (default: beside this one)");
  app.add_flag("--write-dataplane-flags", options.writes_flags,
               "write ROOT/run/bulkhead/dataplane.env (FLAGS=...), with which the unit "
               "bulkhead-dataplane follows config.yaml, then end")
      ->excludes(supervise);
  app.add_flag("--unwire", options.unwires,
               "take away what Bulkhead made on this node (host ports, routes, rules, its nftables "
               "table) and put the sysctls back that it changed, then end; after both programs")
      ->excludes(supervise);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsageError;
  }
  return options;
}

}  // namespace bulkhead::control::agent
