// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <span>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace bulkhead::dataplane {

// One cache line of the index: which entries may hold a key with this hash. Ten ways at a mean load
// of at most four leave room for each flow's second key (translation) and make a full pair of
// buckets a matter of bad luck that no outsider can arrange: the hash is keyed.
struct alignas(64) Bucket {
  static constexpr std::size_t kWays = 10;
  std::uint16_t tag[kWays] = {};  // 0 = free way
  std::uint16_t displaced = 0;    // how many keys whose first bucket this is live in their second
  std::uint16_t pad = 0;
  std::uint32_t slot[kWays] = {};

  // Bit w is set when way w carries the tag.
  [[nodiscard]] std::uint32_t matches(std::uint16_t wanted) const {
#if defined(__SSE2__)
    const __m128i needle = _mm_set1_epi16(static_cast<short>(wanted));
    const __m128i first = _mm_load_si128(reinterpret_cast<const __m128i*>(tag));
    const auto bytes = static_cast<std::uint32_t>(
        _mm_movemask_epi8(_mm_packs_epi16(_mm_cmpeq_epi16(first, needle), _mm_setzero_si128())));
    return bytes | (tag[8] == wanted ? 0x100u : 0u) | (tag[9] == wanted ? 0x200u : 0u);
#else
    std::uint32_t found = 0;
    for (std::size_t way = 0; way < kWays; ++way) found |= (tag[way] == wanted ? 1u : 0u) << way;
    return found;
#endif
  }
};
static_assert(sizeof(Bucket) == 64 && Bucket::kWays == 10);

// Key hash -> slots. Does not know keys: the caller compares. Not crash-consistent: rebuilt from
// the entries at take-over.
class FlowIndex {
 public:
  FlowIndex() = default;
  // `buckets` has a power-of-two size; cleared here.
  explicit FlowIndex(std::span<Bucket> buckets) : buckets_(buckets), mask_(buckets.size() - 1) {}

  // For at most `flows` entries.
  [[nodiscard]] static std::size_t buckets_for(std::uint64_t flows) {
    return std::bit_ceil((flows + 3) / 4);
  }

  [[nodiscard]] static std::uint16_t tag_of(std::uint64_t hash) {
    const auto tag = static_cast<std::uint16_t>(hash >> 48);
    return tag == 0 ? 1 : tag;
  }
  [[nodiscard]] const Bucket& first(std::uint64_t hash) const { return buckets_[hash & mask_]; }
  [[nodiscard]] const Bucket& second(std::uint64_t hash) const {
    return buckets_[second_position(hash)];
  }

  // False when both buckets are full. The first bucket as long as it has room to spare, so that few
  // look-ups need the second; then the emptier one, so that no pair fills while others are empty.
  [[nodiscard]] bool insert(std::uint64_t hash, std::uint32_t slot) {
    constexpr int kSpare = 3;
    Bucket& home = buckets_[hash & mask_];
    Bucket& other = buckets_[second_position(hash)];
    const int room = std::popcount(home.matches(0));
    if (room >= kSpare || room >= std::popcount(other.matches(0))) {
      return put(home, tag_of(hash), slot);
    }
    if (!put(other, tag_of(hash), slot)) return false;
    ++home.displaced;
    return true;
  }

  void erase(std::uint64_t hash, std::uint32_t slot) {
    Bucket& home = buckets_[hash & mask_];
    if (take(home, tag_of(hash), slot)) return;
    if (take(buckets_[second_position(hash)], tag_of(hash), slot)) --home.displaced;
  }

 private:
  [[nodiscard]] std::size_t second_position(std::uint64_t hash) const {
    // An odd distance below 2^32 that depends on bits which did not choose the first bucket; | 1
    // makes it another bucket whenever there are two.
    return (hash + ((hash >> 32) | 1)) & mask_;
  }
  static bool put(Bucket& bucket, std::uint16_t tag, std::uint32_t slot) {
    const std::uint32_t free = bucket.matches(0);
    if (free == 0) return false;
    const auto way = static_cast<std::size_t>(std::countr_zero(free));
    bucket.tag[way] = tag;
    bucket.slot[way] = slot;
    return true;
  }
  static bool take(Bucket& bucket, std::uint16_t tag, std::uint32_t slot) {
    for (std::uint32_t ways = bucket.matches(tag); ways != 0; ways &= ways - 1) {
      const auto way = static_cast<std::size_t>(std::countr_zero(ways));
      if (bucket.slot[way] != slot) continue;
      bucket.tag[way] = 0;
      return true;
    }
    return false;
  }

  std::span<Bucket> buckets_;
  std::uint64_t mask_ = 0;
};

}  // namespace bulkhead::dataplane
