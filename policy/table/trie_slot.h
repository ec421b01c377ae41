// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/base/ip.h"

namespace bulkhead::table {

// Bits [offset, offset + 6) of the address; the bits after its end read as zero. offset < 128.
[[nodiscard]] inline unsigned trie_slot(const IpAddress& address, unsigned offset) {
  const unsigned byte = offset / 8;
  const unsigned high = address.bytes[byte];
  const unsigned low = byte + 1 < 16 ? address.bytes[byte + 1] : 0u;
  return (high << 8 | low) >> (10 - offset % 8) & 0x3fu;
}

}  // namespace bulkhead::table
