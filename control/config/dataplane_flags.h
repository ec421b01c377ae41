// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "control/config/config.h"

namespace bulkhead::control {

// The command line of bulkhead-dataplane (without the program's name) that this configuration asks
// for. The data plane itself never reads YAML (law 3).
[[nodiscard]] std::vector<std::string> config_flags_for_dataplane(const Config& config,
                                                                  const Paths& paths);

}  // namespace bulkhead::control
