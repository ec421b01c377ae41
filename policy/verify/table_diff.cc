// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/table_diff.h"

#include <algorithm>
#include <cstring>

#include "policy/table/format.h"
#include "policy/verify/table_cuts.h"

namespace bulkhead::verify {
namespace {

template <class Record>
bool have_same_bytes(const table::PartedArray<Record>& one, const table::PartedArray<Record>& other,
                     std::uint32_t i) {
  return i < one.size() && i < other.size() && std::memcmp(&one[i], &other[i], sizeof(Record)) == 0;
}

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

const table::IdentityRecord& record_of(const table::TableView& view, IdentityId identity) {
  // An identity that the table does not know is nobody.
  const auto& records = view.identities();
  return records[identity.value < records.size() ? identity.value : kUnknownIdentity.value];
}

}  // namespace

TableDiff::TableDiff(const Answers& before, const Answers& now, const std::vector<bool>& known)
    : before_(before.view), now_(now.view) {
  find_rule_sets(before, now);
  find_blocks();
  find_columns(known);
}

void TableDiff::find_rule_sets(const Answers& before, const Answers& now) {
  const std::uint32_t slot_limit = std::max(before_.slot_limit(), now_.slot_limit());
  const auto old_slots = by_number(before.slots, slot_limit);
  const auto new_slots = by_number(now.slots, slot_limit);
  const auto differs = [](std::size_t size, const auto& is_same) {
    std::vector<bool> found(size);
    for (std::uint32_t i = 0; i < size; ++i) found[i] = !is_same(i);
    return found;
  };
  const auto slots = differs(
      slot_limit, [&](std::uint32_t i) { return count_the_same(old_slots[i], new_slots[i]); });
  const auto decisions = differs(now_.decisions().size(), [&](std::uint32_t i) {
    const table::DecisionRecord& record = now_.decisions()[i];
    return have_same_bytes(before_.decisions(), now_.decisions(), i) && !slots[record.slot] &&
           !slots[record.staged_slot];
  });
  const auto has_none = [](const auto& numbers, const std::vector<bool>& changed) {
    return std::ranges::none_of(numbers, [&](std::uint32_t number) { return changed[number]; });
  };
  const auto pages = differs(now_.wide_pages().size(), [&](std::uint32_t i) {
    return have_same_bytes(before_.wide_pages(), now_.wide_pages(), i) &&
           has_none(now_.wide_pages()[i].decision, decisions);
  });
  const auto maps = differs(now_.wide_maps().size(), [&](std::uint32_t i) {
    return have_same_bytes(before_.wide_maps(), now_.wide_maps(), i) &&
           has_none(now_.wide_maps()[i].page, pages);
  });
  rule_sets_ = differs(now_.rule_sets().size(), [&](std::uint32_t i) {
    const table::RuleSet& set = now_.rule_sets()[i];
    return have_same_bytes(before_.rule_sets(), now_.rule_sets(), i) &&
           has_none(set.decision, decisions) && (set.wide == 0 || !maps[set.wide - 1]);
  });
}

void TableDiff::find_blocks() {
  blocks_.resize(now_.blocks().size());
  for (std::uint32_t i = 0; i < blocks_.size(); ++i) {
    blocks_[i] = have_same_bytes(before_.blocks(), now_.blocks(), i) &&
                 std::ranges::none_of(now_.blocks()[i].rule_set,
                                      [&](std::uint32_t set) { return rule_sets_[set]; });
  }
}

void TableDiff::find_columns(const std::vector<bool>& known) {
  for (const Direction direction : kDirections) {
    const auto d = static_cast<std::size_t>(direction);
    has_staying_[d].resize(std::size_t{now_.row_stride(direction)} * table::kBlockCells);
  }
  for (std::uint32_t number = 0; number < known.size(); ++number) {
    if (!known[number]) continue;
    const IdentityId identity{number};
    const table::IdentityRecord& old = record_of(before_, identity);
    const table::IdentityRecord& now = record_of(now_, identity);
    for (std::size_t d = 0; d < 2; ++d) {
      if (old.peer_class[d] == now.peer_class[d]) {
        has_staying_[d][now.peer_class[d]] = true;
      } else if (moved_[d].empty() ||
                 moved_[d].back() != Columns(old.peer_class[d], now.peer_class[d])) {
        moved_[d].emplace_back(old.peer_class[d], now.peer_class[d]);
      }
    }
  }
  for (auto& moved : moved_) {
    std::ranges::sort(moved);
    moved.erase(std::unique(moved.begin(), moved.end()), moved.end());
  }
}

bool TableDiff::has_row(Direction direction, IdentityId subject) const {
  const auto d = static_cast<std::size_t>(direction);
  const std::uint32_t old_row = record_of(before_, subject).subject_class[d];
  const std::uint32_t new_row = record_of(now_, subject).subject_class[d];
  for (const auto& [old_column, new_column] : moved_[d]) {
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
      if (!has_staying_[d][column]) continue;
      if (!is_in_both || differs(rule_set_at(before_, direction, old_row, column),
                                 rule_set_at(now_, direction, new_row, column))) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace bulkhead::verify
