// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/checksum.h"

#include <cstring>

namespace bulkhead::dataplane {

std::uint32_t checksum_add(std::uint32_t sum, std::span<const std::uint8_t> bytes) {
  std::uint64_t wide = sum;
  std::size_t i = 0;
  for (; i + 4 <= bytes.size(); i += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data() + i, 4);
    wide += word;
  }
  if (i < bytes.size()) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data() + i, bytes.size() - i);
    wide += word;
  }
  while (wide >> 32 != 0) wide = (wide & 0xffffffff) + (wide >> 32);
  return static_cast<std::uint32_t>(wide);
}

std::uint16_t checksum_finish(std::uint32_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

std::uint32_t pseudo_header_sum(const FlowKey& addresses, std::uint8_t protocol,
                                std::uint32_t transport_bytes) {
  const std::size_t size = addresses.family == 4 ? 4 : 16;
  std::uint32_t sum = checksum_add(0, {addresses.source, size});
  sum = checksum_add(sum, {addresses.destination, size});
  const Be32 tail[2] = {Be32(transport_bytes), Be32(protocol)};
  return checksum_add(sum, {reinterpret_cast<const std::uint8_t*>(tail), sizeof tail});
}

}  // namespace bulkhead::dataplane
