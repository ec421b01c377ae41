// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/flow/table.h"

namespace bulkhead::dataplane {

// Idle times, milliseconds. TCP's is RFC 5382 REQ-5 (2 h 4 min), UDP's and ICMP's RFC 4787 and 5508
// minima or above.
[[nodiscard]] constexpr std::uint32_t timeout_ms(AgeClass age_class) {
  switch (age_class) {
    case AgeClass::None:
      return 0;
    case AgeClass::Unassured:
      return 30'000;
    case AgeClass::Udp:
      return 180'000;
    case AgeClass::Icmp:
      return 60'000;
    case AgeClass::Sctp:
      return 300'000;
    case AgeClass::TcpOpen:
      return 7'440'000;
    case AgeClass::TcpHalfClosed:
      return 600'000;
    case AgeClass::TcpClosed:
      return 30'000;
  }
  return 0;
}

// Finds flows that have been idle too long. Packets only stamp last_seen; each class's FIFO is
// walked from its head at a pace that visits every flow about four times per timeout, and what was
// seen meanwhile goes to the tail. So a flow ends between 1 and 1.25 times its timeout.
class Ageing {
 public:
  static constexpr std::size_t kSlice = 256;  // visits a call, all classes together

  struct Expired {
    std::array<std::uint32_t, kSlice> slot;
    std::size_t count = 0;
  };

  // Slots to be closed, still in the table: the caller reports and erases them before the next
  // call.
  [[nodiscard]] Expired slice(FlowTable& table, Now now);

  // Above three quarters full, idle times shrink linearly down to a sixteenth.
  [[nodiscard]] static std::uint32_t adapted_ms(AgeClass age_class, std::uint64_t size,
                                                std::uint64_t capacity);

 private:
  std::uint32_t last_ms_ = 0;
  bool has_run_ = false;
  // Visits owed to each class, in 1/2^20 of a visit.
  std::array<std::uint64_t, kAgeClasses> owed_{};
};

}  // namespace bulkhead::dataplane
