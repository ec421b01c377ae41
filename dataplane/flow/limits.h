// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

namespace bulkhead::dataplane {

// Bounds that keep one sender from taking the table away from the others. 0 = derive.
struct FlowLimits {
  std::uint64_t unassured = 0;               // flows nobody has answered yet, in all
  std::uint64_t flows_per_endpoint = 0;      // started by one pod
  std::uint64_t unassured_per_endpoint = 0;  // of these, not answered
  // An unassured flow this old may be recycled for a newcomer; a younger one keeps its second.
  std::uint32_t recycle_after_ms = 1000;

  // A pod may hold half the table and a quarter of the unanswered share, which is half the table.
  [[nodiscard]] FlowLimits derived_for(std::uint64_t max_flows) const {
    FlowLimits limits = *this;
    const auto at_least_one = [](std::uint64_t n) { return std::max<std::uint64_t>(n, 1); };
    if (unassured == 0) limits.unassured = at_least_one(max_flows / 2);
    if (flows_per_endpoint == 0) limits.flows_per_endpoint = at_least_one(max_flows / 2);
    if (unassured_per_endpoint == 0) {
      limits.unassured_per_endpoint = at_least_one(limits.unassured / 4);
    }
    return limits;
  }
};

}  // namespace bulkhead::dataplane
