// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <unordered_map>
#include <vector>

#include "policy/base/verdict.h"
#include "policy/compile/identities.h"
#include "policy/compile/resolve.h"
#include "policy/compile/rule_book.h"
#include "policy/compile/subjects.h"
#include "policy/compile/vector_hash.h"
#include "policy/table/format.h"

namespace bulkhead::compile {

// Lists of named ports, equal lists once. Number 0 is the empty list.
class PortLists {
 public:
  PortLists() {
    lists_.emplace_back();
    numbers_.emplace(lists_.front(), 0);
  }
  [[nodiscard]] std::uint32_t number_of(const std::vector<PortOfName>& ports);
  [[nodiscard]] const std::vector<PortOfName>& list(std::uint32_t number) const {
    return lists_[number];
  }

 private:
  std::vector<std::vector<PortOfName>> lists_;
  std::map<std::vector<PortOfName>, std::uint32_t> numbers_;
};

// What columns depend on.
struct ColumnInputs {
  const Identities& identities;
  const Resolver& resolver;
  const RuleBook& book;
  const PortNames& port_names;
  PortLists& port_lists;
};

// The columns of one direction: identities that no rule of any subject tells apart share one.
// Column 0 is nobody; the own node, in Ingress, is kOwnNodeColumn. A column keeps the number that
// the lowest of its identities had in the last table, if no column with a lower one does; else it
// takes the lowest that was free. Follows from table to table at the cost of what changed.
inline constexpr std::uint32_t kOwnNodeColumn = 1;
class Columns {
 public:
  // `before`: the identities of the last table.
  Columns(Direction direction, std::span<const table::IdentityRecord> before);

  // `used_sets`: by set, whether a rule of a subject names it in this direction.
  void follow(const ColumnInputs& inputs, const std::vector<bool>& used_sets,
              const Identities::Change& change);

  // One past the highest column.
  [[nodiscard]] std::uint32_t count() const;
  // By identity, up to the last that is live; 0 where nobody has the number.
  [[nodiscard]] std::vector<std::uint32_t> of_identities() const;
  // Of PortLists; Egress only.
  [[nodiscard]] std::uint32_t port_list(std::uint32_t column) const;
  // Every column in use with its port list, ascending by column; Egress only.
  [[nodiscard]] const std::map<std::uint32_t, std::uint32_t>& with_ports() const {
    return with_ports_;
  }
  // A column that means others than in the last table: the peer sets that its identities are in now
  // and were not, or the reverse, ascending; whether their named ports are others.
  struct Moved {
    std::uint32_t column = 0;
    std::vector<std::uint32_t> sets;
    bool has_other_ports = false;
  };
  [[nodiscard]] const std::vector<Moved>& moved() const { return moved_; }
  // The peer sets of a column's identities, ascending; of one that nobody has, none.
  [[nodiscard]] std::span<const std::uint32_t> sets_of(std::uint32_t column) const;
  // A peer set's columns, in no order.
  template <class Note>
  void for_each_of_set(std::uint32_t set, const Note& note) const {
    if (set >= of_set_.size()) return;
    for (const std::uint32_t number : of_set_[set]) note(classes_[number].column);
  }

 private:
  // Sets, ascending, then the number of the port list.
  using Signature = std::vector<std::uint32_t>;
  struct Class {
    Signature signature;
    std::uint32_t column = 0;
    std::uint32_t first = 0;  // its lowest identity
    std::uint32_t size = 0;
  };
  static constexpr std::uint32_t kNoClass = 0;  // classes_[0], of column 0

  // Identities with the signatures they have now, and with the columns they had.
  struct Move {
    std::uint32_t id = 0;
    Signature signature;
    std::uint32_t column_before = 0;
  };
  [[nodiscard]] std::vector<Move> moves(const ColumnInputs& inputs,
                                        const std::vector<bool>& used_sets,
                                        const Identities::Change& change) const;
  [[nodiscard]] std::vector<std::uint32_t> renamed_ports(const ColumnInputs& inputs) const;
  [[nodiscard]] std::uint32_t ports_of(const ColumnInputs& inputs, std::uint32_t id) const;
  [[nodiscard]] std::uint32_t column_before(std::uint32_t id) const;
  [[nodiscard]] std::uint32_t class_with(const Signature& signature);
  void find_first(const std::set<std::uint32_t>& touched);
  void number(const std::set<std::uint32_t>& touched, const std::vector<Move>& moved);
  void note_sets(std::uint32_t number, const bool is_new);
  void note_moved(const std::map<std::uint32_t, Signature>& before,
                  const std::vector<std::uint32_t>& classes);

  Direction direction_;
  std::vector<std::uint32_t> before_;  // columns of identities in a table that was not followed
  std::vector<Class> classes_;
  std::vector<std::uint32_t> free_classes_;
  std::unordered_map<Signature, std::uint32_t, VectorHash> class_numbers_;
  std::vector<std::uint32_t> class_of_;                // by identity
  std::vector<std::vector<std::uint32_t>> of_set_;     // classes, by set
  std::map<std::uint32_t, std::uint32_t> with_ports_;  // by column
  std::vector<std::uint32_t> class_at_;                // by column
  std::vector<Moved> moved_;
  std::set<std::uint32_t> used_columns_;
  std::vector<bool> used_sets_;
  std::vector<bool> named_ports_;  // by number of the name
};

// The rules that the subjects need in this direction, by number.
[[nodiscard]] std::vector<bool> used_rules(Direction direction,
                                           const std::vector<Subject>& subjects,
                                           const RuleBook& book);
// The peer sets that those rules name, by number.
[[nodiscard]] std::vector<bool> used_sets(const std::vector<bool>& used_rules, const RuleBook& book,
                                          std::size_t set_count);

}  // namespace bulkhead::compile
