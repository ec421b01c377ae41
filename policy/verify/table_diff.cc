// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/table_diff.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "policy/table/format.h"
#include "policy/verify/same_parts.h"
#include "policy/verify/table_cuts.h"

namespace bulkhead::verify {
namespace {

std::vector<const compile::SlotInfo*> by_number(const SharedVector<compile::SlotInfo>& slots,
                                                std::uint32_t limit) {
  std::vector<const compile::SlotInfo*> infos(limit);
  for (const auto& info : slots) {
    if (info.slot.value < limit) infos[info.slot.value] = &info;
  }
  return infos;
}

bool count_the_same(const compile::SlotInfo* one, const compile::SlotInfo* other) {
  if (one == nullptr || other == nullptr) return one == other;
  return one->rule == other->rule && one->direction == other->direction &&
         one->verdict == other->verdict && one->staged == other->staged;
}

// By number: what `is_other` says, of a record whose bytes are the same as before; those whose
// bytes are not differ anyway.
template <class Record, class IsOther>
std::vector<bool> find_different(const table::PartedArray<Record>& before,
                                 const table::PartedArray<Record>& now, bool may_be_other,
                                 const IsOther& is_other) {
  const SameParts same(before, now);
  std::vector<bool> found(now.size());
  for (std::uint32_t i = 0; i < now.size(); ++i) {
    const auto end = same.end_of_same(i);
    if (end && !may_be_other) {
      i = *end - 1;
      continue;
    }
    const bool has_same_bytes =
        end || (i < before.size() && std::memcmp(&before[i], &now[i], sizeof(Record)) == 0);
    found[i] = !has_same_bytes || (may_be_other && is_other(now[i]));
  }
  return found;
}

bool has_any(const std::vector<bool>& found) {
  return std::ranges::find(found, true) != found.end();
}

template <class Numbers>
bool names_any(const Numbers& numbers, const std::vector<bool>& found) {
  return std::ranges::any_of(numbers, [&](std::uint32_t number) { return found[number]; });
}

std::vector<bool> find_slots(const Answers& before, const Answers& now) {
  const std::uint32_t limit = std::max(before.view.slot_limit(), now.view.slot_limit());
  std::vector<bool> found(limit);
  if (before.slots.data() == now.slots.data()) return found;
  const auto old_slots = by_number(before.slots, limit);
  const auto new_slots = by_number(now.slots, limit);
  for (std::uint32_t i = 0; i < limit; ++i) {
    found[i] = !count_the_same(old_slots[i], new_slots[i]);
  }
  return found;
}

}  // namespace

NamedRuleSets::Part NamedRuleSets::read(std::span<const table::Block> blocks) {
  Part part;
  for (const table::Block& block : blocks) {
    part.rule_sets.push_back(block.rule_set[0]);
    for (std::size_t i = 1; i < block.rule_set.size(); ++i) {
      if (block.rule_set[i] != block.rule_set[i - 1]) part.rule_sets.push_back(block.rule_set[i]);
    }
    part.ends.push_back(static_cast<std::uint32_t>(part.rule_sets.size()));
  }
  return part;
}

void NamedRuleSets::follow(const table::TableView* before, const table::TableView& now) {
  std::optional<SameParts> same;
  if (before != nullptr) same.emplace(before->blocks(), now.blocks());
  parts_.resize(now.blocks().part_count());
  for (std::uint32_t part = 0; part < parts_.size(); ++part) {
    if (same && (*same)[part]) continue;
    parts_[part] = read(now.blocks().part(part));
  }
}

std::vector<bool> NamedRuleSets::naming(const std::vector<bool>& rule_sets) const {
  std::vector<bool> found;
  for (const auto& [named, ends] : parts_) {
    std::uint32_t at = 0;
    for (const std::uint32_t end : ends) {
      const std::span block(named.data() + at, end - at);
      found.push_back(names_any(block, rule_sets));
      at = end;
    }
  }
  return found;
}

TableDiff::TableDiff(const Answers& before, const Answers& now, const Residents& residents,
                     const NamedRuleSets& named)
    : before_(before.view), now_(now.view), residents_(residents) {
  find_rule_sets(before, now);
  find_blocks(named);
}

void TableDiff::find_rule_sets(const Answers& before, const Answers& now) {
  const auto slots = find_slots(before, now);
  const auto decisions = find_different(before_.decisions(), now_.decisions(), has_any(slots),
                                        [&](const table::DecisionRecord& record) {
                                          return slots[record.slot] || slots[record.staged_slot];
                                        });
  const bool has_decisions = has_any(decisions);
  const auto pages = find_different(
      before_.wide_pages(), now_.wide_pages(), has_decisions,
      [&](const table::WidePage& page) { return names_any(page.decision, decisions); });
  const auto maps =
      find_different(before_.wide_maps(), now_.wide_maps(), has_any(pages),
                     [&](const table::WideMap& map) { return names_any(map.page, pages); });
  rule_sets_ = find_different(before_.rule_sets(), now_.rule_sets(), has_decisions || has_any(maps),
                              [&](const table::RuleSet& set) {
                                return names_any(set.decision, decisions) ||
                                       (set.wide != 0 && maps[set.wide - 1]);
                              });
}

void TableDiff::find_blocks(const NamedRuleSets& named) {
  const SameParts same(before_.blocks(), now_.blocks());
  blocks_ = named.naming(rule_sets_);
  blocks_.flip();
  for (std::uint32_t i = 0; i < blocks_.size(); ++i) {
    if (const auto end = same.end_of_same(i)) {
      i = *end - 1;
      continue;
    }
    const bool has_same_bytes =
        i < before_.blocks().size() &&
        std::memcmp(&before_.blocks()[i], &now_.blocks()[i], sizeof(table::Block)) == 0;
    if (!has_same_bytes) blocks_[i] = false;
  }
}

bool TableDiff::has_row(Direction direction, IdentityId subject) const {
  const auto d = static_cast<std::size_t>(direction);
  const std::uint32_t old_row = record_of(before_, subject).subject_class[d];
  const std::uint32_t new_row = record_of(now_, subject).subject_class[d];
  for (const auto& [old_column, new_column] : residents_.moves(direction)) {
    if (differs(rule_set_at(before_, direction, old_row, old_column),
                rule_set_at(now_, direction, new_row, new_column))) {
      return true;
    }
  }
  const std::uint32_t old_stride = before_.row_stride(direction);
  const std::uint32_t new_stride = now_.row_stride(direction);
  for (std::uint32_t i = 0; i < new_stride; ++i) {
    const std::uint32_t now = now_.rows(direction)[new_row * new_stride + i];
    const bool is_in_both = i < old_stride;
    if (is_in_both && before_.rows(direction)[old_row * old_stride + i] == now && blocks_[now]) {
      continue;
    }
    for (std::uint32_t cell = 0; cell < table::kBlockCells; ++cell) {
      const std::uint32_t column = i * table::kBlockCells + cell;
      if (!residents_.has_staying(direction, column)) continue;
      if (!is_in_both || differs(rule_set_at(before_, direction, old_row, column),
                                 rule_set_at(now_, direction, new_row, column))) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace bulkhead::verify
