// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <span>

#include "policy/base/result.h"
#include "policy/compile/classes.h"
#include "policy/compile/compile.h"
#include "policy/compile/identities.h"
#include "policy/compile/numbers.h"
#include "policy/compile/rule_book.h"
#include "policy/compile/subjects.h"
#include "policy/table/trie_builder.h"

namespace bulkhead::compile {

// All that a table is written from.
struct EmitInputs {
  const RuleBook& book;
  const Identities& identities;
  std::span<const Subject> subjects;
  const std::array<Columns, 2>& columns;  // by Direction
  PortLists& port_lists;
  std::shared_ptr<const table::Tries> tries;
};

// Folds every row and writes the table: sections, slots and their keys of `compiled`, in a fixed
// order. Fails when a limit of the format is exceeded or an alias names a reserved identity.
[[nodiscard]] Status emit(const EmitInputs& inputs, std::span<const Alias> aliases,
                          Numbers& numbers, CompiledTable& compiled);

}  // namespace bulkhead::compile
