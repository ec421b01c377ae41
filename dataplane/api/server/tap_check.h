// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/base/result.h"

namespace bulkhead::dataplane {

// A descriptor from the agent must be a TAP queue as ports need it: no packet information, a
// 12-byte virtio-net header, non-blocking. Fails naming what it is instead. Needs no privilege.
[[nodiscard]] Status check_tap(int fd);

}  // namespace bulkhead::dataplane
