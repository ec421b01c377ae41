// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "policy/model/cluster.h"

namespace bulkhead::testing {

// The cluster in a few lines, for the message of a failed property.
[[nodiscard]] std::string describe(const model::Cluster& cluster);

}  // namespace bulkhead::testing
