// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "control/state/desired.h"

namespace bulkhead::control::state {

// An attached pod, without addresses: what the inventory says of it (`written`, may be null) unless
// that is another pod of the same name, else what came with the attachment. Appends what an
// operator should know.
[[nodiscard]] model::Pod merge_pod(const AttachedPod& attached, const model::PodPtr& written,
                                   std::vector<std::string>& warnings);

}  // namespace bulkhead::control::state
