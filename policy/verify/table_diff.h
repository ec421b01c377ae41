// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "policy/base/ids.h"
#include "policy/base/shared_vector.h"
#include "policy/base/verdict.h"
#include "policy/compile/compile.h"
#include "policy/table/view.h"

namespace bulkhead::verify {

// A table's bytes and what its slots count: all that its answers are made of.
struct Answers {
  const table::TableView& view;
  const SharedVector<compile::SlotInfo>& slots;
};

// What two tables answer differently, found from their bytes alone. Both borrowed. Cost: linear in
// the tables.
class TableDiff {
 public:
  // `known`: by identity, that of somebody who was asked about in the first table; others do not
  // count.
  TableDiff(const Answers& before, const Answers& now, const std::vector<bool>& known);

  // By rule set of `now`: the same number leads to other answers than before.
  [[nodiscard]] const std::vector<bool>& rule_sets() const { return rule_sets_; }
  // Some peer of those known gets another answer from this subject, or the same one from elsewhere.
  [[nodiscard]] bool has_row(Direction direction, IdentityId subject) const;

 private:
  using Columns = std::pair<std::uint32_t, std::uint32_t>;  // before, now

  void find_rule_sets(const Answers& before, const Answers& now);
  void find_blocks();
  void find_columns(const std::vector<bool>& known);
  [[nodiscard]] bool differs(std::uint32_t old_set, std::uint32_t new_set) const {
    return old_set != new_set || rule_sets_[new_set];
  }

  const table::TableView& before_;
  const table::TableView& now_;
  std::vector<bool> rule_sets_;
  std::vector<bool> blocks_;                      // by block of `now`: the same as before
  std::array<std::vector<Columns>, 2> moved_;     // by Direction: of identities in another column
  std::array<std::vector<bool>, 2> has_staying_;  // by Direction and column: identities that stay
};

}  // namespace bulkhead::verify
