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
  app.add_flag("--supervise", options.supervises,
               "start bulkhead-dataplane and restart it when it ends; SIGTERM ends both");
  app.add_option("--dataplane", options.dataplane,
                 "the program that --supervise starts (default: beside this one)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsageError;
  }
  return options;
}

}  // namespace bulkhead::control::agent
