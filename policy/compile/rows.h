// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "policy/compile/classes.h"
#include "policy/compile/decisions.h"
#include "policy/compile/rule_book.h"
#include "policy/compile/subjects.h"
#include "policy/compile/vector_hash.h"
#include "policy/table/builder.h"

namespace bulkhead::compile {

// The rows of one direction, by what decides about their subjects: written once, and from table to
// table only the cells of columns that mean others now are written again.
class KeptRows {
 public:
  explicit KeptRows(Direction direction) : direction_(direction) {}

 private:
  friend class RowWriter;
  // A peer set that a rule of the row names.
  struct Use {
    std::uint32_t set = 0;
    std::uint32_t position = 0;  // of the rule in the stance
    friend auto operator<=>(const Use&, const Use&) = default;
  };
  struct Kept {
    table::TableBuilder::Row row;
    std::vector<Use> uses;                  // ascending
    std::vector<std::uint32_t> everywhere;  // positions of the rules for every peer
    bool names_ports = false;               // a rule does
    bool names_ports_everywhere = false;    // one for every peer does
    std::optional<std::uint32_t> number;    // in the table under way
  };
  using Key = std::vector<std::uint32_t>;

  const Direction direction_;
  std::unordered_map<Key, Kept, VectorHash> rows_;
};

// Writes the rows of one direction of one table.
class RowWriter {
 public:
  // All are borrowed. `columns` is what it was for the last table, followed once.
  RowWriter(KeptRows& kept, const RuleBook& book, const Columns& columns,
            const PortLists& port_lists, Decisions& decisions, table::TableBuilder& builder);

  // The number of the row. `own_ports`: the subject's named ports, which count where it is the
  // destination. `subject`: one of its identities.
  [[nodiscard]] std::uint32_t row_of(const Stance& stance, std::uint32_t own_ports,
                                     IdentityId subject);
  // Every row was asked for: the others are forgotten.
  void end();

 private:
  using Kept = KeptRows::Kept;
  using Key = KeptRows::Key;
  using Cell = table::TableBuilder::Cell;

  static constexpr std::uint32_t kNoList = ~std::uint32_t{0};

  [[nodiscard]] bool is_egress() const { return kept_.direction_ == Direction::Egress; }
  void write(const Stance& stance, std::uint32_t own_ports, Kept& row);
  void follow(const Stance& stance, std::uint32_t own_ports, Kept& row);
  void read(const Stance& stance, Kept& row) const;
  [[nodiscard]] std::vector<Key> lists_of(const Kept& row, std::vector<std::uint32_t>& columns);
  [[nodiscard]] std::vector<Cell> all_cells(const Stance& stance, std::uint32_t own_ports,
                                            const Kept& row);
  [[nodiscard]] std::vector<std::uint32_t> moved_columns_of(const Kept& row) const;
  [[nodiscard]] std::vector<Cell> cells_of(const Stance& stance, std::uint32_t own_ports,
                                           const Kept& row,
                                           const std::vector<std::uint32_t>& columns);
  [[nodiscard]] std::uint32_t rule_set(const Stance& stance,
                                       const std::vector<std::uint32_t>& positions,
                                       std::uint32_t port_list);
  [[nodiscard]] std::uint32_t own_node_set();

  KeptRows& kept_;
  const RuleBook& book_;
  const Columns& columns_;
  const PortLists& port_lists_;
  Decisions& decisions_;
  table::TableBuilder& builder_;
  std::unordered_map<Key, std::uint32_t, VectorHash> rule_sets_;
  // Columns that mean others than in the last table, by the sets that they won or lost.
  std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> moved_by_set_;
  std::vector<std::uint32_t> with_other_ports_;
  // Scratch.
  std::vector<std::uint32_t> first_use_;  // by set: 1 + the first of the row's uses
  std::vector<std::uint32_t> list_at_;    // by column; kNoList between rows
};

}  // namespace bulkhead::compile
