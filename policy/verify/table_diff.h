// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "policy/base/ids.h"
#include "policy/base/shared_vector.h"
#include "policy/base/verdict.h"
#include "policy/compile/compile.h"
#include "policy/table/view.h"
#include "policy/verify/residents.h"

namespace bulkhead::verify {

// A table's bytes and what its slots count: all that its answers are made of.
struct Answers {
  const table::TableView& view;
  const SharedVector<compile::SlotInfo>& slots;
};

// The rule sets that each block names, read again only where the bytes differ. Follows a table.
class NamedRuleSets {
 public:
  void follow(const table::TableView* before, const table::TableView& now);
  // By block: true where it names one of these.
  [[nodiscard]] std::vector<bool> naming(const std::vector<bool>& rule_sets) const;

 private:
  // Neighbours that are equal count once.
  struct Part {
    std::vector<std::uint32_t> rule_sets;
    std::vector<std::uint32_t> ends;  // by block
  };
  [[nodiscard]] static Part read(std::span<const table::Block> blocks);

  std::vector<Part> parts_;
};

// What two tables answer differently, found from their bytes alone. All borrowed. Cost: the parts
// that are not the same memory, the rule sets, and the rows.
class TableDiff {
 public:
  // `residents` have set out to `now`: others do not count. `named`: of `now`.
  TableDiff(const Answers& before, const Answers& now, const Residents& residents,
            const NamedRuleSets& named);

  // By rule set of `now`: the same number leads to other answers than before.
  [[nodiscard]] const std::vector<bool>& rule_sets() const { return rule_sets_; }
  // Some resident gets another answer from this subject, or the same one from elsewhere.
  [[nodiscard]] bool has_row(Direction direction, IdentityId subject) const;

 private:
  void find_rule_sets(const Answers& before, const Answers& now);
  void find_blocks(const NamedRuleSets& named);
  [[nodiscard]] bool differs(std::uint32_t old_set, std::uint32_t new_set) const {
    return old_set != new_set || rule_sets_[new_set];
  }

  const table::TableView& before_;
  const table::TableView& now_;
  const Residents& residents_;
  std::vector<bool> rule_sets_;
  std::vector<bool> blocks_;  // by block of `now`: the same as before
};

}  // namespace bulkhead::verify
