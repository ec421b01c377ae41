// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "policy/base/flow_key.h"

namespace bulkhead::dataplane {

// Secret numbers, so that nobody outside can aim at one bucket or one worker.
using HashKey = std::array<std::uint64_t, 4>;

// From the kernel's random source. Start-up only.
[[nodiscard]] HashKey random_hash_key();

// 64x64 -> 128 bit multiply, both halves folded together: the mixing step of the wyhash family.
// Both factors carry secret bits, which is what makes a collision unpredictable.
[[nodiscard]] inline std::uint64_t folded_multiply(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

[[nodiscard]] inline std::uint64_t hash_end(const std::uint8_t* address, std::uint64_t rest,
                                            const HashKey& key) {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  std::memcpy(&low, address, 8);
  std::memcpy(&high, address + 8, 8);
  return folded_multiply(folded_multiply(low ^ key[0], high ^ key[1]) ^ rest, key[2]);
}

// The same for a key and its reverse: the two ends are hashed alike and added.
[[nodiscard]] inline std::uint64_t symmetric_hash(const FlowKey& flow, const HashKey& key) {
  std::uint32_t head = 0;
  std::memcpy(&head, &flow, 4);  // realm, family, protocol
  const std::uint64_t common = (std::uint64_t{head} << 16) ^ key[3];
  const std::uint64_t source = hash_end(flow.source, common ^ flow.source_port.raw(), key);
  const std::uint64_t destination =
      hash_end(flow.destination, common ^ flow.destination_port.raw(), key);
  return folded_multiply((source + destination) ^ key[1], key[0] | 1);
}

// Which worker owns a packet: realm and the two addresses only, so that both directions, all
// fragments and related ICMP errors meet at one worker.
[[nodiscard]] inline std::uint8_t owner_of(const FlowKey& flow, const HashKey& key,
                                           std::uint8_t workers) {
  const std::uint64_t common = flow.realm ^ key[3];
  const std::uint64_t sum =
      hash_end(flow.source, common, key) + hash_end(flow.destination, common, key);
  const std::uint64_t hash = folded_multiply(sum ^ key[1], key[0] | 1);
  return static_cast<std::uint8_t>(((hash >> 32) * workers) >> 32);
}

}  // namespace bulkhead::dataplane
