// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "policy/compile/compile.h"
#include "policy/compile/fold.h"
#include "policy/compile/numbers.h"
#include "policy/compile/rule_book.h"
#include "policy/table/builder.h"

namespace bulkhead::compile {

// The counter slots that tables name, from table to table.
class Slots {
 public:
  [[nodiscard]] CounterSlot slot_of(SlotInfo info, Numbers& numbers);
  // The table is written: `decisions` are its own. Slots that none of them names are forgotten.
  void settle(const std::vector<table::DecisionRecord>& decisions);

  [[nodiscard]] bool holds(CounterSlot slot) const { return held_.contains(slot); }
  // As CompiledTable has them; both by slot.
  [[nodiscard]] const SharedVector<SlotInfo>& infos() const { return infos_; }
  [[nodiscard]] const SharedVector<std::string>& keys() const { return keys_; }

 private:
  struct Held {
    SlotInfo info;
    std::string key;  // in Numbers
  };
  std::map<CounterSlot, Held> held_;
  bool has_changed_ = false;
  SharedVector<SlotInfo> infos_;
  SharedVector<std::string> keys_;
};

// Turns outcomes into decisions of one table.
class Decisions {
 public:
  // All are borrowed.
  Decisions(const RuleBook& book, Numbers& numbers, Slots& slots, table::TableBuilder& builder)
      : book_(book), numbers_(numbers), slots_(slots), builder_(builder) {}

  [[nodiscard]] std::uint32_t number_of(Direction direction,
                                        const std::array<Outcome, kWorlds>& outcome);

 private:
  [[nodiscard]] CounterSlot slot_of(Direction direction, const Outcome& outcome, bool is_staged);

  const RuleBook& book_;
  Numbers& numbers_;
  Slots& slots_;
  table::TableBuilder& builder_;
  std::map<std::tuple<Direction, Outcome, Outcome>, std::uint32_t> known_;
  std::map<std::tuple<Direction, Outcome, bool>, CounterSlot> slot_numbers_;
};

}  // namespace bulkhead::compile
