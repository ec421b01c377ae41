// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/table_cuts.h"

#include "policy/table/format.h"

namespace bulkhead::verify {

namespace {

using table::kTrieStride;

void set_bits(IpAddress& address, unsigned offset, unsigned slot) {
  for (unsigned bit = 0; bit < kTrieStride && offset + bit < address.bits(); ++bit) {
    const unsigned at = offset + bit;
    const unsigned mask = 0x80u >> (at % 8);
    const bool is_set = (slot >> (kTrieStride - 1 - bit) & 1) != 0;
    auto& byte = address.bytes[at / 8];
    byte = static_cast<std::uint8_t>(is_set ? byte | mask : byte & ~mask);
  }
}

// The slots of a node in the order of their addresses, `address` being the node's first.
void walk(const table::TableView& table, std::uint32_t index, IpAddress address, unsigned offset,
          std::vector<IpAddress>& starts) {
  const auto& trie = table.trie(address.family);
  const table::TrieNode& node = trie.nodes[index];
  // The last stride of a family is only as wide as the bits that are left.
  const unsigned spare =
      offset + kTrieStride > address.bits() ? offset + kTrieStride - address.bits() : 0;
  std::uint32_t child = node.child_base;
  bool is_behind_child = true;
  for (unsigned slot = 0; slot < 1u << kTrieStride; ++slot) {
    if ((slot & ((1u << spare) - 1)) != 0) continue;
    set_bits(address, offset, slot);
    if ((node.internal >> slot & 1) != 0) {
      if (offset + kTrieStride < address.bits()) {
        walk(table, child++, address, offset + kTrieStride, starts);
      }
      is_behind_child = true;
    } else if (is_behind_child || (node.leaf_starts >> slot & 1) != 0) {
      starts.push_back(address);
      is_behind_child = false;
    }
  }
}

}  // namespace

std::vector<IpAddress> outside_cuts(const table::TableView& table, Family family) {
  std::vector<IpAddress> starts;
  walk(table, 0, IpAddress{{}, family}, 0, starts);
  return starts;
}

using table::kLineEnd;
using table::kPagePoints;

std::uint32_t rule_set_at(const table::TableView& table, Direction direction, std::uint32_t row,
                          std::uint32_t column) {
  const std::uint32_t block =
      table.rows(direction)[row * table.row_stride(direction) + column / table::kBlockCells];
  return table.blocks()[block].rule_set[column % table::kBlockCells];
}

// An identity that the table does not know is nobody: row and column 0.
std::uint32_t rule_set_of(const table::TableView& table, Direction direction, IdentityId subject,
                          IdentityId peer) {
  const auto d = static_cast<std::size_t>(direction);
  const auto& identities = table.identities();
  const std::uint32_t row =
      subject.value < identities.size() ? identities[subject.value].subject_class[d] : 0;
  const std::uint32_t column =
      peer.value < identities.size() ? identities[peer.value].peer_class[d] : 0;
  return rule_set_at(table, direction, row, column);
}

const std::vector<std::uint32_t>& TableCuts::of(Direction direction, IdentityId subject,
                                                IdentityId peer) {
  const std::uint32_t set = rule_set_of(table_, direction, subject, peer);
  const auto [found, is_new] = known_.try_emplace(set);
  if (is_new) found->second = read(table_.rule_sets()[set]);
  return found->second;
}

std::vector<std::uint32_t> TableCuts::read(const table::RuleSet& set) const {
  std::vector<std::uint32_t> starts = {0};
  if (set.wide == 0) {
    for (const std::uint32_t last : set.last) {
      if (last < kLineEnd && last + 1 != starts.back()) starts.push_back(last + 1);
    }
    return starts;
  }
  const table::WideMap& map = table_.wide_maps()[set.wide - 1];
  std::uint32_t decision = 0;
  for (std::uint32_t number = 0; number <= kLineEnd / kPagePoints; ++number) {
    // Most of a map is one page again and again, and that page all one decision.
    const bool is_repeated = number > 0 && map.page[number] == map.page[number - 1];
    const std::uint32_t first = number * kPagePoints;
    if (is_repeated && starts.back() + kPagePoints <= first) continue;
    const table::WidePage& page = table_.wide_pages()[map.page[number]];
    for (std::uint32_t i = 0; i < kPagePoints && first + i <= kLineEnd; ++i) {
      if (first + i > 0 && page.decision[i] != decision) starts.push_back(first + i);
      decision = page.decision[i];
    }
  }
  return starts;
}

}  // namespace bulkhead::verify
