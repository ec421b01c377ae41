// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "control/config/config.h"
#include "policy/base/result.h"

namespace bulkhead::control {

// The command line of bulkhead-dataplane (without the program's name) that this configuration asks
// for. The data plane itself never reads YAML (law 3).
[[nodiscard]] std::vector<std::string> config_flags_for_dataplane(const Config& config,
                                                                  const Paths& paths);

// The same as a line of an environment file: FLAGS="...", for a unit's $FLAGS, which systemd splits
// at spaces. Fails when a flag holds what such a line cannot (a space, a quote, a '$', a '\\').
[[nodiscard]] Result<std::string> dataplane_environment(const Config& config, const Paths& paths);

}  // namespace bulkhead::control
