// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "policy/base/flow_key.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace bulkhead::dataplane {

// How one key relates to another: equal, or the other way round (both for one that is its own
// reverse).
struct KeyMatch {
  bool is_same = false;
  bool is_reversed = false;
};

namespace key_match {

// Realm, family, protocol and the two ports, source first.
[[nodiscard]] inline std::uint64_t head_of(const FlowKey& key) {
  std::uint64_t head = 0;
  std::memcpy(&head, &key, 8);
  return head;
}
[[nodiscard]] inline std::uint64_t with_ports_swapped(std::uint64_t head) {
  const std::uint32_t ports = std::rotl(static_cast<std::uint32_t>(head >> 32), 16);
  return (head & 0xffffffff) | std::uint64_t{ports} << 32;
}

}  // namespace key_match

// Both answers at once and without a branch: in which direction a packet goes is as good as random,
// so asking first for one and then for the other is mispredicted every other time.
[[nodiscard]] inline KeyMatch match_keys(const FlowKey& a, const FlowKey& b) {
  const std::uint64_t head = key_match::head_of(b);
  const std::uint64_t other = key_match::head_of(a);
  const bool same_head = other == head;
  const bool swapped_head = other == key_match::with_ports_swapped(head);
#if defined(__SSE2__)
  const auto load = [](const std::uint8_t* address) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(address));
  };
  const __m128i source = load(a.source);
  const __m128i destination = load(a.destination);
  const __m128i other_source = load(b.source);
  const __m128i other_destination = load(b.destination);
  const auto equal = [](__m128i x, __m128i y, __m128i v, __m128i w) {
    return _mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(x, y), _mm_cmpeq_epi8(v, w))) == 0xffff;
  };
  return {bool(same_head & equal(source, other_source, destination, other_destination)),
          bool(swapped_head & equal(source, other_destination, destination, other_source))};
#else
  return {same_head && std::memcmp(a.source, b.source, 16) == 0 &&
              std::memcmp(a.destination, b.destination, 16) == 0,
          swapped_head && std::memcmp(a.source, b.destination, 16) == 0 &&
              std::memcmp(a.destination, b.source, 16) == 0};
#endif
}

}  // namespace bulkhead::dataplane
