// SPDX-License-Identifier: Apache-2.0
#include "policy/table/check.h"

#include <algorithm>

namespace bulkhead::table {
namespace {

void raise(std::uint64_t& reach, std::uint64_t needed) { reach = std::max(reach, needed); }

template <std::size_t N>
std::uint64_t needed_for(const std::array<std::uint32_t, N>& numbers) {
  std::uint32_t most = 0;
  for (const std::uint32_t number : numbers) most = std::max(most, number);
  return std::uint64_t{most} + 1;
}

// How many there must be of what a record names.
void add(Reach& reach, const IdentityRecord& record) {
  for (std::size_t d = 0; d < 2; ++d) {
    raise(reach[d], std::uint64_t{record.subject_class[d]} + 1);
    raise(reach[2 + d], std::uint64_t{record.peer_class[d]} + 1);
  }
}
void add(Reach& reach, std::uint32_t number) { raise(reach[0], std::uint64_t{number} + 1); }
void add(Reach& reach, const Block& block) { raise(reach[0], needed_for(block.rule_set)); }
void add(Reach& reach, const RuleSet& set) {
  raise(reach[0], needed_for(set.decision));
  raise(reach[1], set.wide);
}
void add(Reach& reach, const WideMap& map) { raise(reach[0], needed_for(map.page)); }
void add(Reach& reach, const WidePage& page) { raise(reach[0], needed_for(page.decision)); }
void add(Reach& reach, const DecisionRecord& record) {
  raise(reach[0], std::uint64_t{std::max(record.slot, record.staged_slot)} + 1);
}
void add(Reach& reach, const TrieNode& node) {
  if (node.internal != 0) {
    raise(reach[0], std::uint64_t{node.child_base} +
                        static_cast<std::uint64_t>(std::popcount(node.internal)));
  }
  if (node.internal != ~std::uint64_t{0}) {
    raise(reach[1], std::uint64_t{node.leaf_base} +
                        static_cast<std::uint64_t>(std::popcount(node.leaf_starts)));
  }
}

// What a record can be wrong in by itself: a reason, or null.
template <class Record>
const char* fault_of(SectionKind, const Record&, std::uint32_t) {
  return nullptr;
}
const char* fault_of(SectionKind, const RuleSet& set, std::uint32_t) {
  const bool is_ascending = std::ranges::is_sorted(set.last) && set.last.back() <= kLineEnd;
  return is_ascending ? nullptr : "has cuts that are not ascending";
}
const char* fault_of(SectionKind, const DecisionRecord& record, std::uint32_t) {
  return record.verdict > 1 || record.staged_verdict > 1 ? "has an unknown verdict" : nullptr;
}
const char* fault_of(SectionKind, const TrieNode& node, std::uint32_t index) {
  if ((node.internal & node.leaf_starts) != 0) return "has a slot that is child and leaf";
  // Children after parents: no walk can go round.
  if (node.internal != 0 && node.child_base <= index) return "has children before itself";
  if (node.internal == ~std::uint64_t{0}) return nullptr;
  const auto first_leaf = static_cast<unsigned>(std::countr_one(node.internal));
  return (node.leaf_starts >> first_leaf & 1) == 0 ? "has a leaf that begins nowhere" : nullptr;
}
const char* fault_of(SectionKind kind, std::uint32_t number, std::uint32_t) {
  const bool is_leaf = kind == SectionKind::TrieLeaves4 || kind == SectionKind::TrieLeaves6;
  return is_leaf && number == kOwnNodeIdentity.value ? "names the own node" : nullptr;
}

bool fits(const Reach& reach, const Reach& limits) {
  return std::ranges::equal(reach, limits, std::ranges::less_equal());
}

class Checker {
 public:
  Checker(std::span<const CheckedSection> known, std::span<CheckedSection> sections)
      : known_(known), sections_(sections) {}

  // `limits`: so many there are of what the records name, which `things` are.
  template <class Record>
  void check(SectionKind kind, const PartedArray<Record>& array, const Reach& limits,
             const std::array<const char*, 4>& things) {
    for (std::uint32_t part = 0; part < array.part_count() && status_; ++part) {
      auto& [section, reach] =
          *std::ranges::find(sections_, section_id(kind, part),
                             [](const CheckedSection& checked) { return checked.section.kind; });
      const CheckedSection* same = same_section(section, known_);
      if (same != nullptr && fits(same->reach, limits)) {
        reach = same->reach;
        continue;
      }
      status_ = read(kind, array.part(part), part * array.records_a_part(), limits, things, reach);
    }
  }
  [[nodiscard]] const Status& status() const { return status_; }

 private:
  template <class Record>
  static Status read(SectionKind kind, std::span<const Record> records, std::uint32_t first,
                     const Reach& limits, const std::array<const char*, 4>& things, Reach& reach) {
    for (std::uint32_t i = 0; i < records.size(); ++i) {
      add(reach, records[i]);
      if (const char* fault = fault_of(kind, records[i], first + i)) {
        return fail("{}: record {} {}", name_of(kind), first + i, fault);
      }
    }
    if (fits(reach, limits)) return {};
    for (std::uint32_t i = 0; i < records.size(); ++i) {
      Reach own{};
      add(own, records[i]);
      for (std::size_t thing = 0; thing < own.size(); ++thing) {
        if (own[thing] <= limits[thing]) continue;
        return fail("{}: record {} names {} {} of {}", name_of(kind), first + i, things[thing],
                    own[thing] - 1, limits[thing]);
      }
    }
    return {};
  }

  std::span<const CheckedSection> known_;
  std::span<CheckedSection> sections_;
  Status status_;
};

Status check_numbers(const TableView& table, std::span<const CheckedSection> known,
                     std::span<CheckedSection> sections) {
  Checker checker(known, sections);
  const Header& header = table.header();
  const auto columns = [&](std::size_t d) {
    return std::uint64_t{header.row_stride[d]} * std::uint64_t{kBlockCells};
  };
  checker.check(SectionKind::Identities, table.identities(),
                {header.row_count[0], header.row_count[1], columns(0), columns(1)},
                {"egress row", "ingress row", "egress column", "ingress column"});
  checker.check(SectionKind::EgressRows, table.rows(Direction::Egress), {table.blocks().size()},
                {"block"});
  checker.check(SectionKind::IngressRows, table.rows(Direction::Ingress), {table.blocks().size()},
                {"block"});
  checker.check(SectionKind::Blocks, table.blocks(), {table.rule_sets().size()}, {"rule set"});
  checker.check(SectionKind::RuleSets, table.rule_sets(),
                {table.decisions().size(), table.wide_maps().size()}, {"decision", "wide map"});
  checker.check(SectionKind::WideMaps, table.wide_maps(), {table.wide_pages().size()}, {"page"});
  checker.check(SectionKind::WidePages, table.wide_pages(), {table.decisions().size()},
                {"decision"});
  checker.check(SectionKind::Decisions, table.decisions(), {table.slot_limit()}, {"slot"});
  const auto check_trie = [&](SectionKind nodes, SectionKind leaves, Family family) {
    const TableView::Trie& trie = table.trie(family);
    checker.check(nodes, trie.nodes, {trie.nodes.size(), trie.leaves.size()}, {"node", "leaf"});
    checker.check(leaves, trie.leaves, {table.identities().size()}, {"identity"});
  };
  check_trie(SectionKind::TrieNodes4, SectionKind::TrieLeaves4, Family::V4);
  check_trie(SectionKind::TrieNodes6, SectionKind::TrieLeaves6, Family::V6);
  return checker.status();
}

// Law 1: what nobody is, leads to "denied, in no rule". Needs numbers that are in bounds.
Status check_nobody(const TableView& table) {
  const IdentityRecord& unknown = table.identities()[kUnknownIdentity.value];
  if (unknown.subject_class != std::array<std::uint32_t, 2>{} ||
      unknown.peer_class != std::array<std::uint32_t, 2>{}) {
    return fail("identities: the unknown identity has a class");
  }
  for (const Direction direction : kDirections) {
    const auto& rows = table.rows(direction);
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
  if (table.blocks()[0].rule_set != std::array<std::uint32_t, kBlockCells>{}) {
    return fail("blocks: block 0 is not closed");
  }
  const RuleSet& set = table.rule_sets()[0];
  if (set.wide != 0 || set.decision != std::array<std::uint32_t, kIntervals>{}) {
    return fail("rule sets: set 0 is not closed");
  }
  const DecisionRecord& decision = table.decisions()[0];
  if (decision.verdict != 0 || decision.staged_verdict != 0 || decision.slot != 0) {
    return fail("decisions: decision 0 is not a bare deny");
  }
  for (const Family family : {Family::V4, Family::V6}) {
    if (table.trie(family).nodes.size() == 0) {
      return fail("{} trie: has no root", name_of(family));
    }
  }
  return {};
}

}  // namespace

const CheckedSection* same_section(const SectionBytes& section,
                                   std::span<const CheckedSection> known) {
  const auto same = std::ranges::find_if(known, [&](const CheckedSection& checked) {
    const SectionBytes& other = checked.section;
    return other.kind == section.kind && other.checksum == section.checksum &&
           other.bytes.data() == section.bytes.data() && other.bytes.size() == section.bytes.size();
  });
  return same != known.end() ? &*same : nullptr;
}

Status check_indexes(const TableView& table, std::span<const CheckedSection> known,
                     std::span<CheckedSection> sections) {
  auto ok = check_numbers(table, known, sections);
  return ok ? check_nobody(table) : ok;
}

}  // namespace bulkhead::table
