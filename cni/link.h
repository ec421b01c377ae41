// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "policy/base/result.h"

namespace bulkhead::cni {

// Deletes a pod's TAP inside its network namespace, for when no agent does it: what a dead pod's
// interface still says must not reach anybody. Succeeds when the namespace or the link is gone, and
// leaves alone what is no TAP or lies in the caller's own namespace.
[[nodiscard]] Status delete_tap(const std::string& netns, const std::string& ifname);

}  // namespace bulkhead::cni
