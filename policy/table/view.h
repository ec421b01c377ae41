// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "policy/base/ids.h"
#include "policy/base/ip.h"
#include "policy/base/result.h"
#include "policy/base/verdict.h"
#include "policy/table/format.h"

namespace bulkhead::table {

// One section of a table as it crosses to the data plane: each in a sealed memfd of its own, named
// by its checksum (XXH3-64 of the bytes) so that an unchanged one need not be sent again.
struct SectionBytes {
  std::uint32_t kind = 0;  // section_id() of format.h
  std::uint64_t checksum = 0;
  std::span<const std::byte> bytes;
};

// An array of records that lives in equally long parts.
template <class Record>
class PartedArray {
 public:
  PartedArray() = default;
  // Every part but the last holds `records_a_part` (a power of two) records.
  PartedArray(std::vector<const Record*> parts, std::uint32_t records_a_part, std::uint32_t size)
      : parts_(std::move(parts)),
        shift_(static_cast<unsigned>(std::countr_zero(records_a_part))),
        mask_(records_a_part - 1),
        size_(size) {}

  // Where the parts are, as a value: a loop keeps it in registers although it stores elsewhere.
  struct Reader {
    const Record* const* parts = nullptr;
    unsigned shift = 0;
    std::uint32_t mask = 0;
    std::uint32_t size = 0;

    [[nodiscard]] const Record& operator[](std::uint32_t i) const {
      return parts[i >> shift][i & mask];
    }
  };
  [[nodiscard]] Reader reader() const { return {parts_.data(), shift_, mask_, size_}; }

  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] const Record& operator[](std::uint32_t i) const { return reader()[i]; }

  // The first record of a part is the array's part * records_a_part().
  [[nodiscard]] std::uint32_t part_count() const {
    return static_cast<std::uint32_t>(parts_.size());
  }
  [[nodiscard]] std::uint32_t records_a_part() const { return mask_ + 1; }
  [[nodiscard]] std::span<const Record> part(std::uint32_t part) const {
    const std::uint32_t first = part << shift_;
    return {parts_[part], std::min(records_a_part(), size_ - first)};
  }

 private:
  std::vector<const Record*> parts_;
  unsigned shift_ = 0;
  std::uint32_t mask_ = 0;
  std::uint32_t size_ = 0;
};

// How far the numbers in one section go, whatever its kind numbers elsewhere: all that its check
// depends on outside its own bytes.
using Reach = std::array<std::uint64_t, 4>;

// A section of a view, as it was found right.
struct CheckedSection {
  SectionBytes section;
  Reach reach{};
};

// Checked bytes: once opened, every offset and index inside is in bounds for ever. The bytes are
// borrowed and must stay mapped and unchanged while the view lives.
class TableView {
 public:
  // Validates format version, section set, checksums, alignment (8 bytes; 64 is faster) and every
  // index. Fails naming the section and what is wrong with it. Cost: linear in the bytes, but for
  // those that `before` was opened with too, at the same place in memory: they must not have
  // changed since, and only how far their numbers go is looked at again. Thread: any.
  [[nodiscard]] static Result<TableView> open(std::span<const SectionBytes> sections,
                                              const TableView* before = nullptr);

  [[nodiscard]] Revision revision() const { return Revision{header_.revision}; }
  // Every counter slot the table answers with is below this.
  [[nodiscard]] std::uint32_t slot_limit() const { return header_.slot_limit; }
  [[nodiscard]] const Header& header() const { return header_; }
  // What it was opened with.
  [[nodiscard]] std::span<const CheckedSection> sections() const { return sections_; }

  // The identity of an address that the address map does not hold: unknown inside the cluster's pod
  // CIDRs, else the world or the CIDR class it falls in. Constant number of loads.
  [[nodiscard]] IdentityId outside_identity(const IpAddress& address) const;

  // What lookup() walks; see format.h.
  struct Trie {
    PartedArray<TrieNode> nodes;
    PartedArray<std::uint32_t> leaves;
  };
  [[nodiscard]] const PartedArray<IdentityRecord>& identities() const { return identities_; }
  [[nodiscard]] const PartedArray<std::uint32_t>& rows(Direction direction) const {
    return rows_[static_cast<std::size_t>(direction)];
  }
  [[nodiscard]] std::uint32_t row_stride(Direction direction) const {
    return header_.row_stride[static_cast<std::size_t>(direction)];
  }
  [[nodiscard]] const PartedArray<Block>& blocks() const { return blocks_; }
  [[nodiscard]] const PartedArray<RuleSet>& rule_sets() const { return rule_sets_; }
  [[nodiscard]] const PartedArray<DecisionRecord>& decisions() const { return decisions_; }
  [[nodiscard]] const PartedArray<WideMap>& wide_maps() const { return wide_maps_; }
  [[nodiscard]] const PartedArray<WidePage>& wide_pages() const { return wide_pages_; }
  [[nodiscard]] const Trie& trie(Family family) const {
    return family == Family::V4 ? trie4_ : trie6_;
  }

 private:
  TableView() = default;

  Header header_;
  std::vector<CheckedSection> sections_;
  PartedArray<IdentityRecord> identities_;
  std::array<PartedArray<std::uint32_t>, 2> rows_;
  PartedArray<Block> blocks_;
  PartedArray<RuleSet> rule_sets_;
  PartedArray<DecisionRecord> decisions_;
  PartedArray<WideMap> wide_maps_;
  PartedArray<WidePage> wide_pages_;
  Trie trie4_;
  Trie trie6_;
};

}  // namespace bulkhead::table
