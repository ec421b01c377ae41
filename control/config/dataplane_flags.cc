// SPDX-License-Identifier: Apache-2.0
#include "control/config/dataplane_flags.h"

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

}  // namespace bulkhead::control
