// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "policy/base/result.h"
#include "policy/compile/classes.h"
#include "policy/compile/compile.h"
#include "policy/compile/decisions.h"
#include "policy/compile/identities.h"
#include "policy/compile/numbers.h"
#include "policy/compile/rows.h"
#include "policy/compile/rule_book.h"
#include "policy/compile/subjects.h"
#include "policy/table/builder.h"
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
  std::span<const Section> last;  // of the last table: the same bytes are shared
};

// Writes table after table: rows that need folding are folded, the others are kept.
class Emitter {
 public:
  // `numbers`: those of the last table, whoever wrote it.
  explicit Emitter(const Numbers& numbers) : builder_(numbers.places()) {}

  // The table: sections, slots and their keys of `compiled`, in a fixed order. Fails when a limit
  // of the format is exceeded or an alias names a reserved identity; of no use any more then.
  [[nodiscard]] Status emit(const EmitInputs& inputs, std::span<const Alias> aliases,
                            Numbers& numbers, CompiledTable& compiled);
  // True when the last table can answer with this slot.
  [[nodiscard]] bool names(CounterSlot slot) const { return slots_.holds(slot); }

 private:
  table::TableBuilder builder_;
  std::array<KeptRows, 2> rows_{KeptRows(Direction::Egress), KeptRows(Direction::Ingress)};
  Slots slots_;
};

}  // namespace bulkhead::compile
