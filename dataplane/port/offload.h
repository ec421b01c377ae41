// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "policy/base/drop_reason.h"

struct rte_mbuf;

namespace bulkhead::dataplane {

// Makes a frame fit for a port without offloads, in place: fills in the checksum that its
// virtio-net header asks for (partial: the field holds the pseudo-header's sum) and clears the
// header. Gives the reason when the frame cannot leave by such a port: it would need segmentation,
// or asks for a checksum outside itself.
[[nodiscard]] std::optional<DropReason> complete_offloads(rte_mbuf* frame);

}  // namespace bulkhead::dataplane
