// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace bulkhead::verify {

// What was compared: pairs of (local subject, direction, peer), each with all protocols and ports.
struct Report {
  std::uint64_t pairs = 0;
  std::uint64_t checked = 0;    // of them
  std::uint64_t compared = 0;   // by asking both readers; the others are like one of these
  std::uint64_t questions = 0;  // (pair, protocol, port) asked of the table

  [[nodiscard]] double ratio() const {
    return pairs == 0 ? 1.0 : static_cast<double>(checked) / static_cast<double>(pairs);
  }
  [[nodiscard]] bool is_complete() const { return checked == pairs; }
};

}  // namespace bulkhead::verify
