// SPDX-License-Identifier: Apache-2.0
#include "policy/table/builder.h"

#include <algorithm>
#include <cstring>

#include "policy/table/sections.h"

namespace bulkhead::table {
namespace {

constexpr std::size_t index_of(Direction direction) { return static_cast<std::size_t>(direction); }

// The rows that subjects of the last table had.
std::vector<bool> named_rows(const std::vector<IdentityRecord>& identities, std::size_t direction) {
  std::vector<bool> named;
  for (const IdentityRecord& record : identities) {
    const std::uint32_t row = record.subject_class[direction];
    if (row >= named.size()) named.resize(row + 1);
    named[row] = true;
  }
  return named;
}

// The page that begins at `first`, a point of `interval`.
WidePage page_of(std::span<const TableBuilder::Interval>::iterator interval, std::uint32_t first) {
  WidePage page;
  for (std::uint32_t i = 0; i < kPagePoints && first + i <= kLineEnd; ++i) {
    while (interval->last < first + i) ++interval;
    page.decision[i] = interval->decision;
  }
  return page;
}

}  // namespace

std::vector<SectionBytes> borrow(std::span<const Section> sections) {
  std::vector<SectionBytes> borrowed;
  borrowed.reserve(sections.size());
  for (const Section& section : sections) {
    borrowed.push_back({section.kind, section.checksum, section.bytes});
  }
  return borrowed;
}

TableBuilder::TableBuilder(Places before)
    : identities_before_(std::move(before.identities)),
      identities_(kFirstDynamicIdentity.value),
      free_rows_{FreeNumbers(named_rows(identities_before_, 0), 1),
                 FreeNumbers(named_rows(identities_before_, 1), 1)},
      blocks_(std::move(before.blocks)),
      rule_sets_(std::move(before.rule_sets)),
      decisions_(std::move(before.decisions)),
      wide_maps_(std::move(before.wide_maps)),
      wide_pages_(std::move(before.wide_pages)) {
  // Record 0 of everything is "denied, in no rule"; row 0 is nobody.
  (void)decisions_.index_of(DecisionRecord{});
  (void)rule_sets_.index_of(RuleSet{});
  (void)blocks_.index_of(Block{});
  filled_[0] = {0, 0};
  for (auto& rows : rows_) rows.push_back({.is_used = true, .otherwise = 0, .blocks = {}});
}

std::uint32_t TableBuilder::decision(const DecisionRecord& record) {
  return decisions_.index_of(record);
}

std::uint32_t TableBuilder::rule_set(std::vector<Interval> intervals) {
  std::vector<Interval> joined;
  for (const Interval& interval : intervals) {
    if (!joined.empty() && joined.back().decision == interval.decision) joined.pop_back();
    joined.push_back(interval);
  }
  RuleSet set;
  if (joined.size() > kIntervals) {
    set.wide = wide_map(joined) + 1;
    return rule_sets_.index_of(set);
  }
  for (std::size_t i = 0; i < kIntervals; ++i) {
    const Interval& interval = i < joined.size() ? joined[i] : joined.back();
    if (i < set.last.size()) set.last[i] = interval.last;
    set.decision[i] = interval.decision;
  }
  return rule_sets_.index_of(set);
}

std::uint32_t TableBuilder::wide_map(std::span<const Interval> intervals) {
  WideMap map;
  auto interval = intervals.begin();
  for (std::uint32_t number = 0; number <= kLineEnd / kPagePoints; ++number) {
    const std::uint32_t first = number * kPagePoints;
    while (interval->last < first) ++interval;
    map.page[number] = interval->last >= first + kPagePoints - 1
                           ? filled_page(interval->decision)
                           : wide_pages_.index_of(page_of(interval, first));
  }
  return wide_maps_.index_of(map);
}

// Most pages of most maps hold one decision.
std::uint32_t TableBuilder::filled_page(std::uint32_t decision) {
  const auto [found, is_new] = filled_pages_.try_emplace(decision);
  if (is_new) {
    WidePage page;
    page.decision.fill(decision);
    found->second = wide_pages_.index_of(page);
  }
  return found->second;
}

std::uint32_t TableBuilder::filled_block(std::uint32_t rule_set, bool is_first) {
  const auto [found, is_new] = filled_.try_emplace(rule_set);
  if (is_new) {
    Block block;
    block.rule_set.fill(rule_set);
    found->second[0] = blocks_.index_of(block);
    block.rule_set[0] = 0;
    found->second[1] = blocks_.index_of(block);
  }
  return found->second[is_first ? 1 : 0];
}

std::uint32_t TableBuilder::add_row(Direction direction, std::uint32_t otherwise,
                                    std::span<const Cell> cells, IdentityId like) {
  const std::size_t d = index_of(direction);
  auto& rows = rows_[d];
  SparseRow row{.is_used = true, .otherwise = otherwise, .blocks = {}};
  (void)filled_block(otherwise, false);
  for (std::size_t i = 0; i < cells.size();) {
    const std::uint32_t number = cells[i].column / kBlockCells;
    Block block = blocks_[filled_block(otherwise, number == 0)];
    for (; i < cells.size() && cells[i].column / kBlockCells == number; ++i) {
      block.rule_set[cells[i].column % kBlockCells] = cells[i].rule_set;
    }
    row.blocks.emplace(number, blocks_.index_of(block));
  }
  if (!cells.empty()) reserve_columns(direction, cells.back().column + 1);
  std::uint32_t place =
      like.value < identities_before_.size() ? identities_before_[like.value].subject_class[d] : 0;
  const bool is_taken = place < rows.size() && rows[place].is_used;
  if (place == 0 || is_taken) place = free_rows_[d].take();
  if (place >= rows.size()) rows.resize(place + 1);
  rows[place] = std::move(row);
  return place;
}

void TableBuilder::set_subject(IdentityId identity, Direction direction, std::uint32_t row) {
  reserve_identities(identity.value + 1);
  identities_[identity.value].subject_class[index_of(direction)] = row;
}

void TableBuilder::set_peer(IdentityId identity, Direction direction, std::uint32_t column) {
  reserve_identities(identity.value + 1);
  reserve_columns(direction, column + 1);
  identities_[identity.value].peer_class[index_of(direction)] = column;
}

void TableBuilder::alias(IdentityId retired, IdentityId now) {
  aliases_.emplace_back(retired, now);
}

void TableBuilder::reserve_identities(std::uint32_t count) {
  if (count > identities_.size()) identities_.resize(count);
}

void TableBuilder::reserve_columns(Direction direction, std::uint32_t count) {
  auto& columns = columns_[index_of(direction)];
  columns = std::max(columns, count);
}

void TableBuilder::set_outside(const std::vector<OutsidePrefix>& prefixes) {
  tries_ = std::make_shared<const Tries>(build_tries(prefixes));
}

std::uint32_t TableBuilder::stride(Direction direction) const {
  return (columns_[index_of(direction)] + kBlockCells - 1) / kBlockCells;
}

// A row that is no longer used is closed, as row 0.
std::vector<std::uint32_t> TableBuilder::flat_rows(Direction direction) const {
  const std::size_t width = stride(direction);
  const auto& rows = rows_[index_of(direction)];
  std::vector<std::uint32_t> flat;
  flat.reserve(width * rows.size());
  for (const SparseRow& row : rows) {
    const std::size_t start = flat.size();
    const auto& filled = filled_.at(row.is_used ? row.otherwise : 0);
    flat.resize(start + width, filled[0]);
    flat[start] = filled[1];
    for (const auto& [number, block] : row.blocks) flat[start + number] = block;
  }
  return flat;
}

Result<std::vector<Section>> TableBuilder::finish(Revision revision) const {
  Arrays arrays;
  std::vector<IdentityRecord> identities = identities_;
  for (const auto& [retired, now] : aliases_) {
    if (retired.value >= identities.size()) identities.resize(retired.value + 1);
    identities[retired.value] =
        now.value < identities.size() ? identities[now.value] : IdentityRecord{};
  }
  arrays.identities = &identities;
  for (const Direction direction : kDirections) {
    const std::size_t d = index_of(direction);
    const std::uint64_t entries = std::uint64_t{stride(direction)} * rows_[d].size();
    if (entries * sizeof(std::uint32_t) > kMaxTableBytes) {
      return fail("the {} matrix of {} rows and {} columns exceeds the table limit of {} MiB",
                  name_of(direction), rows_[d].size(), columns_[d], kMaxTableBytes >> 20);
    }
    arrays.rows[d] = flat_rows(direction);
    arrays.row_count[d] = static_cast<std::uint32_t>(rows_[d].size());
    arrays.row_stride[d] = stride(direction);
  }
  const Places now = places();
  arrays.blocks = &now.blocks;
  arrays.rule_sets = &now.rule_sets;
  arrays.decisions = &now.decisions;
  arrays.wide_maps = &now.wide_maps;
  arrays.wide_pages = &now.wide_pages;
  const Tries plain = tries_ != nullptr ? Tries() : build_tries({});
  arrays.tries = tries_ != nullptr ? tries_.get() : &plain;
  return write_sections(revision, arrays);
}

Places TableBuilder::places() const {
  return {.identities = identities_,
          .blocks = blocks_.records(),
          .rule_sets = rule_sets_.records(),
          .decisions = decisions_.records(),
          .wide_maps = wide_maps_.records(),
          .wide_pages = wide_pages_.records()};
}

}  // namespace bulkhead::table
