// SPDX-License-Identifier: Apache-2.0
#include "control/config/dataplane_flags.h"

#include <fmt/ranges.h>

namespace bulkhead::control {

std::vector<std::string> config_flags_for_dataplane(const Config& config, const Paths& paths) {
  std::vector<std::string> flags = {"--root", paths.root.native()};
  if (config.workers != 0) {
    flags.insert(flags.end(), {"--workers", std::to_string(config.workers)});
  }
  flags.insert(flags.end(), {"--poll", config.poll, "--io", config.io, "--memory", config.memory});
  flags.insert(flags.end(), {"--flows-max", std::to_string(config.flows_max)});
  if (!config.instance.empty()) flags.insert(flags.end(), {"--instance", config.instance});
  for (const auto& port : config.ports) flags.insert(flags.end(), {"--port", port.devargs});
  return flags;
}

Result<std::string> dataplane_environment(const Config& config, const Paths& paths) {
  const auto flags = config_flags_for_dataplane(config, paths);
  for (const auto& flag : flags) {
    if (flag.find_first_of(" \t\r\n\"'$\\") == std::string::npos) continue;
    return fail("the flag {} of the data plane cannot stand in an environment file", flag);
  }
  return fmt::format("FLAGS=\"{}\"\n", fmt::join(flags, " "));
}

}  // namespace bulkhead::control
