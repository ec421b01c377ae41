// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "policy/base/ids.h"
#include "policy/base/ip.h"
#include "policy/base/result.h"
#include "policy/base/shared_vector.h"
#include "policy/base/verdict.h"
#include "policy/table/format.h"
#include "policy/table/interner.h"
#include "policy/table/places.h"
#include "policy/table/trie_builder.h"
#include "policy/table/view.h"

namespace bulkhead::table {

// A section that owns its bytes.
struct Section {
  std::uint32_t kind = 0;
  std::uint64_t checksum = 0;
  SharedVector<std::byte> bytes;
};

[[nodiscard]] std::vector<SectionBytes> borrow(std::span<const Section> sections);

// Writes tables: parts go in, deduplicated sections come out. It knows the format and nothing of
// policies; the compiler does. A table has the same bytes whether the builder wrote the last one or
// was given its places, and whether a row was written for it or kept. Small tables by hand:
//
//   TableBuilder builder;
//   const auto yes = builder.decision({.slot = 7, .verdict = 1});
//   const auto web = builder.rule_set({{79, 0}, {80, yes}, {kLineEnd, 0}});   // TCP/80 only
//   builder.set_peer(IdentityId{16}, Direction::Ingress, 1);                  // column 1
//   const auto row = builder.add_row(Direction::Ingress, 0, {{{1, web}}});
//   builder.set_subject(IdentityId{17}, Direction::Ingress, row);
//   auto sections = builder.finish(Revision{1});
class TableBuilder {
 public:
  // The points up to and including `last` of the (protocol, port) line get this decision.
  struct Interval {
    std::uint32_t last = kLineEnd;
    std::uint32_t decision = 0;
    friend bool operator==(const Interval&, const Interval&) = default;
  };
  struct Cell {
    std::uint32_t column = 0;  // a peer class, 1 or more
    std::uint32_t rule_set = 0;
  };
  // A row of the matrix that whoever asked for it may put into table after table.
  struct Row {
    std::uint32_t otherwise = 0;
    std::array<std::uint32_t, 2> filled{};  // the block of nothing but `otherwise`; as first block
    SharedVector<std::pair<std::uint32_t, std::uint32_t>> blocks;  // the others: (number, block)
  };

  TableBuilder() : TableBuilder(Places()) {}
  // Parts that the last table has too stay where they are.
  explicit TableBuilder(Places before);

  [[nodiscard]] std::uint32_t decision(const DecisionRecord& record);

  // Ascending, the last one ending at kLineEnd; equal neighbours are joined.
  [[nodiscard]] std::uint32_t rule_set(std::vector<Interval> intervals);

  // `otherwise` in every column but 0.
  [[nodiscard]] Row row(std::uint32_t otherwise);
  // Cells ascending by column. The row's parts are in the builder: of this table, or of every table
  // since it was made.
  void set_cells(Row& row, std::span<const Cell> cells);
  // Puts the row into the matrix. Returns its subject class: that of `like` in the last table, if
  // it had one and no other row of this table took it.
  [[nodiscard]] std::uint32_t put_row(Direction direction, Row row, IdentityId like);
  // A row of these cells, put.
  [[nodiscard]] std::uint32_t add_row(Direction direction, std::uint32_t otherwise,
                                      std::span<const Cell> cells,
                                      IdentityId like = kUnknownIdentity);

  void set_subject(IdentityId identity, Direction direction, std::uint32_t row);
  void set_peer(IdentityId identity, Direction direction, std::uint32_t column);
  // Of all identities below the list's size; they must be below its limit.
  void set_peers(Direction direction, std::span<const std::uint32_t> columns);
  // `retired` answers as `now` does in this table; the places of the next one know nothing of it.
  void alias(IdentityId retired, IdentityId now);
  // Makes the table know identities below this, and rows as wide as this many columns.
  void reserve_identities(std::uint32_t count);
  void reserve_columns(Direction direction, std::uint32_t count);

  // Addresses that no prefix covers are the world.
  void set_outside(const std::vector<OutsidePrefix>& prefixes);
  // The same, built before.
  void set_tries(std::shared_ptr<const Tries> tries) { tries_ = std::move(tries); }

  // The table. Fails when a limit of the format is exceeded, naming it; the builder is of no use
  // then. The next table begins: it knows no identity and has no row yet. `last`: what finish()
  // gave before, whose bytes are shared where they are the same.
  [[nodiscard]] Result<std::vector<Section>> finish(Revision revision,
                                                    std::span<const Section> last = {});
  // Of the last table, by number; a hole is empty.
  [[nodiscard]] const std::vector<DecisionRecord>& decisions() const {
    return decisions_.records();
  }
  // What the parts take by now: to stop in time. finish() has the last word.
  [[nodiscard]] std::size_t bytes() const {
    return blocks_.bytes() + rule_sets_.bytes() + wide_maps_.bytes() + wide_pages_.bytes();
  }
  // Of the last table, for the next one.
  [[nodiscard]] Places places() const;

 private:
  struct PlacedRow {
    bool is_used = false;
    Row row;
  };

  void begin();
  [[nodiscard]] std::array<std::uint32_t, 2> filled_blocks(std::uint32_t rule_set);
  [[nodiscard]] std::uint32_t wide_map(std::span<const Interval> intervals);
  [[nodiscard]] std::uint32_t filled_page(std::uint32_t decision);
  [[nodiscard]] std::vector<std::uint32_t> flat_rows(Direction direction) const;
  [[nodiscard]] std::uint32_t stride(Direction direction) const;
  void sweep();
  void mark_block(std::uint32_t number);
  void mark_rule_set(std::uint32_t number);

  // Of the tables so far.
  Interner<Block> blocks_;
  Interner<RuleSet> rule_sets_;
  Interner<DecisionRecord> decisions_;
  Interner<WideMap> wide_maps_;
  Interner<WidePage> wide_pages_;
  std::vector<IdentityRecord> identities_before_;

  // Of the table under way.
  std::vector<IdentityRecord> identities_;
  std::array<std::uint32_t, 2> columns_{};
  std::array<std::vector<PlacedRow>, 2> rows_;
  std::array<FreeNumbers, 2> free_rows_;
  std::map<std::uint32_t, std::array<std::uint32_t, 2>> filled_;  // by rule set
  std::map<std::uint32_t, std::uint32_t> filled_pages_;           // by decision
  std::vector<std::pair<IdentityId, IdentityId>> aliases_;
  std::shared_ptr<const Tries> tries_;  // null: every address is the world
};

}  // namespace bulkhead::table
