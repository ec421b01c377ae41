// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "policy/base/fd.h"
#include "policy/base/result.h"

// TUN/TAP devices as the data plane reads them: Ethernet frames behind a 12-byte virtio-net header,
// checksum and segmentation offloads on, several queues possible. In the calling thread's network
// namespace; <linux/if_tun.h> stays behind these functions.
namespace bulkhead::control::endpoint {

enum class TapOpen {
  CreateNew,   // fails when the name exists
  ReopenOnly,  // fails when it does not
};

// One non-blocking descriptor a queue. A new device is down and lives as long as its descriptors
// until make_persistent(); an existing one must be a multi-queue TAP.
[[nodiscard]] Result<std::vector<Fd>> open_tap(const std::string& name, std::size_t queues,
                                               TapOpen how);

// The device outlives its descriptors.
[[nodiscard]] Status make_persistent(const Fd& queue);

}  // namespace bulkhead::control::endpoint
