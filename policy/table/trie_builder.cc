// SPDX-License-Identifier: Apache-2.0
#include "policy/table/trie_builder.h"

#include <algorithm>
#include <array>
#include <bit>

#include "policy/table/trie_slot.h"

namespace bulkhead::table {
namespace {

constexpr std::size_t kSlots = std::size_t{1} << kTrieStride;

// A node still to be filled: the prefixes below it, and what holds where none of them does.
struct Pending {
  std::span<const OutsidePrefix> prefixes;
  std::uint32_t inherited = 0;
  unsigned offset = 0;
};

struct Slots {
  std::array<std::uint32_t, kSlots> value{};
  std::array<std::span<const OutsidePrefix>, kSlots> below{};
};

// Sorted by address, then length: a covering prefix comes before what it covers, so painting in
// order leaves the longest; and the prefixes below one slot are neighbours.
Slots spread(const Pending& node) {
  Slots slots;
  slots.value.fill(node.inherited);
  const unsigned end = node.offset + kTrieStride;
  for (std::size_t i = 0; i < node.prefixes.size(); ++i) {
    const Prefix& prefix = node.prefixes[i].prefix;
    const unsigned slot = trie_slot(prefix.address(), node.offset);
    if (prefix.length() > end) {
      auto& below = slots.below[slot];
      const std::size_t first =
          below.empty() ? i : static_cast<std::size_t>(below.data() - node.prefixes.data());
      below = node.prefixes.subspan(first, i - first + 1);
    } else {
      const std::size_t width = std::size_t{1} << (end - prefix.length());
      std::fill_n(slots.value.begin() + slot, width, node.prefixes[i].identity.value);
    }
  }
  return slots;
}

}  // namespace

TrieArrays build_trie(Family family, std::span<const OutsidePrefix> prefixes,
                      IdentityId otherwise) {
  std::vector<OutsidePrefix> sorted;
  for (const OutsidePrefix& prefix : prefixes) {
    if (prefix.prefix.family() == family) sorted.push_back(prefix);
  }
  std::ranges::sort(sorted, {}, &OutsidePrefix::prefix);

  TrieArrays trie;
  std::vector<Pending> pending = {{.prefixes = sorted, .inherited = otherwise.value, .offset = 0}};
  // Breadth first: node i is pending[i], its children are appended together.
  for (std::size_t i = 0; i < pending.size(); ++i) {
    const Slots slots = spread(pending[i]);
    const unsigned child_offset = pending[i].offset + kTrieStride;
    TrieNode node;
    node.child_base = static_cast<std::uint32_t>(pending.size());
    node.leaf_base = static_cast<std::uint32_t>(trie.leaves.size());
    bool has_leaf = false;
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      const std::uint64_t bit = std::uint64_t{1} << slot;
      if (!slots.below[slot].empty()) {
        node.internal |= bit;
        pending.push_back({slots.below[slot], slots.value[slot], child_offset});
      } else if (!has_leaf || trie.leaves.back() != slots.value[slot]) {
        node.leaf_starts |= bit;
        trie.leaves.push_back(slots.value[slot]);
        has_leaf = true;
      }
    }
    trie.nodes.push_back(node);
  }
  return trie;
}

Tries build_tries(std::span<const OutsidePrefix> prefixes) {
  return {build_trie(Family::V4, prefixes, kWorldIdentity),
          build_trie(Family::V6, prefixes, kWorldIdentity)};
}

}  // namespace bulkhead::table
