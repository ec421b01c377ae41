// SPDX-License-Identifier: Apache-2.0
#include "policy/table/check.h"

namespace bulkhead::table {
namespace {

Status check_identities(const TableView& table) {
  const auto& header = table.header();
  const auto& identities = table.identities();
  for (std::uint32_t i = 0; i < identities.size(); ++i) {
    const IdentityRecord& record = identities[i];
    for (std::size_t direction = 0; direction < 2; ++direction) {
      const std::uint64_t columns =
          std::uint64_t{header.row_stride[direction]} * std::uint64_t{kBlockCells};
      if (record.subject_class[direction] >= header.row_count[direction]) {
        return fail("identities: identity {} names row {} of {}", i,
                    record.subject_class[direction], header.row_count[direction]);
      }
      if (record.peer_class[direction] >= columns) {
        return fail("identities: identity {} names column {} of {}", i,
                    record.peer_class[direction], columns);
      }
    }
  }
  // Law 1: the unknown identity is nobody, whatever the rest of the table says.
  if (identities[kUnknownIdentity.value].subject_class != std::array<std::uint32_t, 2>{} ||
      identities[kUnknownIdentity.value].peer_class != std::array<std::uint32_t, 2>{}) {
    return fail("identities: the unknown identity has a class");
  }
  return {};
}

Status check_matrix(const TableView& table) {
  for (const Direction direction : kDirections) {
    const auto& rows = table.rows(direction);
    for (std::uint32_t i = 0; i < rows.size(); ++i) {
      if (rows[i] >= table.blocks().size()) {
        return fail("{} rows: entry {} names block {} of {}", name_of(direction), i, rows[i],
                    table.blocks().size());
      }
    }
    // Row 0 and column 0 are nobody: they lead to rule set 0 only.
    const std::uint32_t stride = table.row_stride(direction);
    for (std::uint32_t i = 0; i < stride; ++i) {
      if (rows[i] != 0) return fail("{} rows: row 0 is not closed", name_of(direction));
    }
    for (std::uint32_t i = 0; i < rows.size(); i += stride) {
      if (table.blocks()[rows[i]].rule_set[0] != 0) {
        return fail("{} rows: column 0 of row {} is not closed", name_of(direction), i / stride);
      }
    }
  }
  for (std::uint32_t i = 0; i < table.blocks().size(); ++i) {
    for (const std::uint32_t set : table.blocks()[i].rule_set) {
      if (set >= table.rule_sets().size()) {
        return fail("blocks: block {} names rule set {} of {}", i, set, table.rule_sets().size());
      }
    }
  }
  for (const std::uint32_t set : table.blocks()[0].rule_set) {
    if (set != 0) return fail("blocks: block 0 is not closed");
  }
  return {};
}

Status check_rule_sets(const TableView& table) {
  const std::uint32_t decisions = table.decisions().size();
  for (std::uint32_t i = 0; i < table.rule_sets().size(); ++i) {
    const RuleSet& set = table.rule_sets()[i];
    for (const std::uint32_t decision : set.decision) {
      if (decision >= decisions) {
        return fail("rule sets: set {} names decision {} of {}", i, decision, decisions);
      }
    }
    for (std::size_t cut = 0; cut < set.last.size(); ++cut) {
      if (set.last[cut] > kLineEnd || (cut > 0 && set.last[cut] < set.last[cut - 1])) {
        return fail("rule sets: the cuts of set {} are not ascending", i);
      }
    }
    if (set.wide > table.wide_maps().size()) {
      return fail("rule sets: set {} names wide map {} of {}", i, set.wide,
                  table.wide_maps().size());
    }
  }
  const RuleSet& first = table.rule_sets()[0];
  if (first.wide != 0 || first.decision != std::array<std::uint32_t, kIntervals>{}) {
    return fail("rule sets: set 0 is not closed");
  }
  for (std::uint32_t i = 0; i < table.wide_maps().size(); ++i) {
    for (const std::uint32_t page : table.wide_maps()[i].page) {
      if (page >= table.wide_pages().size()) {
        return fail("wide maps: map {} names page {} of {}", i, page, table.wide_pages().size());
      }
    }
  }
  for (std::uint32_t i = 0; i < table.wide_pages().size(); ++i) {
    for (const std::uint32_t decision : table.wide_pages()[i].decision) {
      if (decision >= decisions) {
        return fail("wide pages: page {} names decision {} of {}", i, decision, decisions);
      }
    }
  }
  return {};
}

Status check_decisions(const TableView& table) {
  for (std::uint32_t i = 0; i < table.decisions().size(); ++i) {
    const DecisionRecord& record = table.decisions()[i];
    if (record.verdict > 1 || record.staged_verdict > 1) {
      return fail("decisions: decision {} has an unknown verdict", i);
    }
    if (record.slot >= table.slot_limit() || record.staged_slot >= table.slot_limit()) {
      return fail("decisions: decision {} names a slot beyond {}", i, table.slot_limit());
    }
  }
  const DecisionRecord& first = table.decisions()[0];
  if (first.verdict != 0 || first.staged_verdict != 0 || first.slot != 0) {
    return fail("decisions: decision 0 is not a bare deny");
  }
  return {};
}

Status check_trie(const TableView& table, Family family) {
  const TableView::Trie& trie = table.trie(family);
  if (trie.nodes.size() == 0) return fail("{} trie: has no root", name_of(family));
  for (std::uint32_t i = 0; i < trie.nodes.size(); ++i) {
    const TrieNode& node = trie.nodes[i];
    if ((node.internal & node.leaf_starts) != 0) {
      return fail("{} trie: node {} has a slot that is child and leaf", name_of(family), i);
    }
    // Children after parents: no walk can go round.
    if (node.internal != 0) {
      const auto children = static_cast<std::uint32_t>(std::popcount(node.internal));
      if (node.child_base <= i || std::uint64_t{node.child_base} + children > trie.nodes.size()) {
        return fail("{} trie: the children of node {} are out of bounds", name_of(family), i);
      }
    }
    if (node.internal != ~std::uint64_t{0}) {
      const auto leaves = static_cast<std::uint32_t>(std::popcount(node.leaf_starts));
      const auto first_leaf = static_cast<unsigned>(std::countr_one(node.internal));
      if ((node.leaf_starts >> first_leaf & 1) == 0 ||
          std::uint64_t{node.leaf_base} + leaves > trie.leaves.size()) {
        return fail("{} trie: the leaves of node {} are out of bounds", name_of(family), i);
      }
    }
  }
  for (std::uint32_t i = 0; i < trie.leaves.size(); ++i) {
    if (trie.leaves[i] == kOwnNodeIdentity.value || trie.leaves[i] >= table.identities().size()) {
      return fail("{} trie leaves: leaf {} names identity {}", name_of(family), i, trie.leaves[i]);
    }
  }
  return {};
}

}  // namespace

Status check_indexes(const TableView& table) {
  if (auto ok = check_identities(table); !ok) return ok;
  if (auto ok = check_matrix(table); !ok) return ok;
  if (auto ok = check_rule_sets(table); !ok) return ok;
  if (auto ok = check_decisions(table); !ok) return ok;
  if (auto ok = check_trie(table, Family::V4); !ok) return ok;
  return check_trie(table, Family::V6);
}

}  // namespace bulkhead::table
