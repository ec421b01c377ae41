// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "policy/base/verdict.h"
#include "policy/compile/identities.h"
#include "policy/compile/rule_book.h"
#include "policy/compile/subjects.h"

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

[[nodiscard]] Columns make_columns(Direction direction, const std::vector<Subject>& subjects,
                                   const RuleBook& book, const Resolver& resolver,
                                   const Identities& identities, const Inventory& inventory,
                                   PortLists& port_lists);

}  // namespace bulkhead::compile
