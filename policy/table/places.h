// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "policy/table/format.h"

namespace bulkhead::table {

// Where the parts of a table are: an input of the next one, so that what stays the same stays where
// it is and its sections need not be sent again. A record that is no longer needed leaves a hole
// for what comes next: an empty record, which leads to "denied, in no rule".
struct Places {
  std::vector<IdentityRecord> identities;
  std::vector<Block> blocks;
  std::vector<RuleSet> rule_sets;
  std::vector<DecisionRecord> decisions;
  std::vector<WideMap> wide_maps;
  std::vector<WidePage> wide_pages;
};

// Hands out the numbers of one array, given which of them the last table used. A number that was
// not used then is free; one that was is only for what it was used for.
class FreeNumbers {
 public:
  FreeNumbers() = default;
  // `is_used[i]`: by the last table. Numbers below `first` are never handed out.
  FreeNumbers(std::vector<bool> is_used, std::uint32_t first)
      : is_used_(std::move(is_used)), next_(first) {}

  [[nodiscard]] std::uint32_t take() {
    while (next_ < is_used_.size() && is_used_[next_]) ++next_;
    return next_++;
  }

 private:
  std::vector<bool> is_used_;
  std::uint32_t next_ = 0;
};

}  // namespace bulkhead::table
