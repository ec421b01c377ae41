// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "policy/base/ids.h"
#include "policy/base/ip.h"
#include "policy/table/format.h"

namespace bulkhead::table {

// What an address outside the cluster's pods is: the longest prefix that covers it decides.
struct OutsidePrefix {
  Prefix prefix;
  IdentityId identity;
};

struct TrieArrays {
  std::vector<TrieNode> nodes;
  std::vector<std::uint32_t> leaves;
};

// Both families' tries.
struct Tries {
  TrieArrays v4;
  TrieArrays v6;
};

// Builds one family's trie from the prefixes of that family (those of the other are ignored), each
// prefix at most once. Addresses that none covers get `otherwise`.
[[nodiscard]] TrieArrays build_trie(Family family, std::span<const OutsidePrefix> prefixes,
                                    IdentityId otherwise);
// Of both families; addresses that no prefix covers are the world.
[[nodiscard]] Tries build_tries(std::span<const OutsidePrefix> prefixes);

}  // namespace bulkhead::table
