// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "policy/base/flow_key.h"

namespace bulkhead::dataplane {

// The Internet checksum (RFC 1071) in network byte order throughout: sums may be added, folded and
// stored without swapping.
[[nodiscard]] std::uint32_t checksum_add(std::uint32_t sum, std::span<const std::uint8_t> bytes);
[[nodiscard]] std::uint16_t checksum_finish(std::uint32_t sum);

// Of a header whose checksum field is included: 0 when it is right.
[[nodiscard]] inline std::uint16_t checksum(std::span<const std::uint8_t> bytes) {
  return checksum_finish(checksum_add(0, bytes));
}

// The pseudo header of either family (RFC 9293 section 3.1, RFC 8200 section 8.1), unfinished.
[[nodiscard]] std::uint32_t pseudo_header_sum(const FlowKey& addresses, std::uint8_t protocol,
                                              std::uint32_t transport_bytes);

}  // namespace bulkhead::dataplane
