// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "policy/base/verdict.h"
#include "policy/compile/identities.h"
#include "policy/compile/rule_book.h"
#include "policy/compile/subjects.h"
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

// The columns of one direction: identities that no rule of any subject tells apart share one.
// Column 0 is nobody; the own node, in Ingress, is kOwnNodeColumn.
inline constexpr std::uint32_t kOwnNodeColumn = 1;
struct Columns {
  std::vector<std::uint32_t> of_identity;          // by index into Identities::all
  std::vector<std::uint32_t> port_list;            // by column, of PortLists; Egress only
  std::vector<std::vector<std::uint32_t>> of_set;  // by peer set: its columns, ascending
  std::uint32_t count = 0;
};

// `before`: the identities of the last table. A column keeps the number that the first of its
// identities had there, if no column before it does; else it takes one that was free.
[[nodiscard]] Columns make_columns(Direction direction, const std::vector<Subject>& subjects,
                                   const RuleBook& book, const Resolver& resolver,
                                   const Identities& identities, const Inventory& inventory,
                                   std::span<const table::IdentityRecord> before,
                                   PortLists& port_lists);

}  // namespace bulkhead::compile
