// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/flow/table.h"

namespace bulkhead::dataplane {

// Finds flows that have been idle too long. Packets only stamp last_seen; a flow is looked at when
// it has stood in its class's FIFO for one timeout, and joins the tail again if it was seen
// meanwhile. So one that was never seen again ends after one timeout, any other between one and
// two.
class Ageing {
 public:
  static constexpr std::size_t kSlice = 256;  // visits a call, all classes together

  struct Expired {
    std::array<std::uint32_t, kSlice> slot;
    std::size_t count = 0;
  };

  // Slots to be closed, still in the table: the caller reports and erases them before the next
  // call.
  [[nodiscard]] static Expired slice(FlowTable& table, Now now);

  // Above three quarters full, idle times shrink linearly down to a sixteenth.
  [[nodiscard]] static std::uint32_t adapted_ms(AgeClass age_class, std::uint64_t size,
                                                std::uint64_t capacity);
};

}  // namespace bulkhead::dataplane
