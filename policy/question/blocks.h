// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "policy/base/ip.h"

namespace bulkhead::question {

// The fewest blocks that hold exactly the same addresses; ascending, IPv4 first.
[[nodiscard]] std::vector<Prefix> merged(std::vector<Prefix> blocks);

}  // namespace bulkhead::question
