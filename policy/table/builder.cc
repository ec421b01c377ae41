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
    if (row == 0) continue;  // most are no subjects
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
    : blocks_(1, std::move(before.blocks)),
      rule_sets_(1, std::move(before.rule_sets)),
      decisions_(1, std::move(before.decisions)),
      wide_maps_(0, std::move(before.wide_maps)),
      wide_pages_(1, std::move(before.wide_pages)),
      identities_before_(std::move(before.identities)) {
  begin();
}

void TableBuilder::begin() {
  identities_.assign(kFirstDynamicIdentity.value, {});
  columns_ = {1, 1};
  filled_.clear();
  filled_pages_.clear();
  aliases_.clear();
  // Record 0 of everything is "denied, in no rule"; row 0 is nobody.
  (void)decisions_.index_of(DecisionRecord{});
  (void)rule_sets_.index_of(RuleSet{});
  for (const Direction direction : kDirections) {
    const std::size_t d = index_of(direction);
    free_rows_[d] = FreeNumbers(named_rows(identities_before_, d), 1);
    rows_[d] = {{.is_used = true, .row = row(0)}};
  }
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

std::array<std::uint32_t, 2> TableBuilder::filled_blocks(std::uint32_t rule_set) {
  const auto [found, is_new] = filled_.try_emplace(rule_set);
  if (is_new) {
    Block block;
    block.rule_set.fill(rule_set);
    found->second[0] = blocks_.index_of(block);
    block.rule_set[0] = 0;
    found->second[1] = blocks_.index_of(block);
  }
  return found->second;
}

TableBuilder::Row TableBuilder::row(std::uint32_t otherwise) {
  return {.otherwise = otherwise, .filled = filled_blocks(otherwise), .blocks = {}};
}

void TableBuilder::set_cells(Row& row, std::span<const Cell> cells) {
  if (cells.empty()) return;
  auto& blocks = row.blocks.own();
  auto at = blocks.begin();
  for (std::size_t i = 0; i < cells.size();) {
    const std::uint32_t number = cells[i].column / kBlockCells;
    at = std::lower_bound(at, blocks.end(), std::pair(number, std::uint32_t{0}));
    if (at == blocks.end() || at->first != number) {
      at = blocks.emplace(at, number, row.filled[number == 0 ? 1 : 0]);
    }
    Block block = blocks_[at->second];
    for (; i < cells.size() && cells[i].column / kBlockCells == number; ++i) {
      block.rule_set[cells[i].column % kBlockCells] = cells[i].rule_set;
    }
    at->second = blocks_.index_of(block);
  }
}

std::uint32_t TableBuilder::put_row(Direction direction, Row row, IdentityId like) {
  const std::size_t d = index_of(direction);
  auto& rows = rows_[d];
  std::uint32_t place =
      like.value < identities_before_.size() ? identities_before_[like.value].subject_class[d] : 0;
  const bool is_taken = place < rows.size() && rows[place].is_used;
  if (place == 0 || is_taken) place = free_rows_[d].take();
  if (place >= rows.size()) rows.resize(place + 1);
  rows[place] = {.is_used = true, .row = std::move(row)};
  return place;
}

std::uint32_t TableBuilder::add_row(Direction direction, std::uint32_t otherwise,
                                    std::span<const Cell> cells, IdentityId like) {
  Row made = row(otherwise);
  set_cells(made, cells);
  if (!cells.empty()) reserve_columns(direction, cells.back().column + 1);
  return put_row(direction, std::move(made), like);
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

void TableBuilder::set_peers(Direction direction, std::span<const std::uint32_t> columns) {
  reserve_identities(static_cast<std::uint32_t>(columns.size()));
  if (!columns.empty()) reserve_columns(direction, std::ranges::max(columns) + 1);
  for (std::size_t id = 0; id < columns.size(); ++id) {
    identities_[id].peer_class[index_of(direction)] = columns[id];
  }
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
  for (const PlacedRow& placed : rows) {
    const Row& row = placed.is_used ? placed.row : rows.front().row;
    const std::size_t start = flat.size();
    flat.resize(start + width, row.filled[0]);
    flat[start] = row.filled[1];
    for (const auto& [number, block] : row.blocks) {
      // Behind the last column there is nobody: such a block is of columns that are no more.
      if (number < width) flat[start + number] = block;
    }
  }
  return flat;
}

void TableBuilder::mark_rule_set(std::uint32_t number) {
  if (!rule_sets_.mark(number)) return;
  const RuleSet& set = rule_sets_[number];
  if (set.wide == 0) {
    for (std::size_t i = 0; i < kIntervals; ++i) {
      (void)decisions_.mark(set.decision[i]);
      if (i < set.last.size() && set.last[i] == kLineEnd) break;  // those behind are the same
    }
    return;
  }
  if (!wide_maps_.mark(set.wide - 1)) return;
  for (const std::uint32_t page : wide_maps_[set.wide - 1].page) {
    if (!wide_pages_.mark(page)) continue;
    for (const std::uint32_t decision : wide_pages_[page].decision) {
      (void)decisions_.mark(decision);
    }
  }
}

void TableBuilder::mark_block(std::uint32_t number) {
  if (!blocks_.mark(number)) return;
  std::uint32_t last = 0;  // most neighbours are equal
  for (const std::uint32_t set : blocks_[number].rule_set) {
    if (set != last) mark_rule_set(set);
    last = set;
  }
}

// What the rows do not lead to is gone.
void TableBuilder::sweep() {
  (void)decisions_.mark(0);
  mark_rule_set(0);
  for (const auto& rows : rows_) {
    for (const PlacedRow& placed : rows) {
      if (!placed.is_used) continue;
      mark_rule_set(placed.row.otherwise);
      for (const std::uint32_t block : placed.row.filled) mark_block(block);
      for (const auto& [number, block] : placed.row.blocks) mark_block(block);
    }
  }
  blocks_.sweep();
  rule_sets_.sweep();
  decisions_.sweep();
  wide_maps_.sweep();
  wide_pages_.sweep();
}

Result<std::vector<Section>> TableBuilder::finish(Revision revision,
                                                  std::span<const Section> last) {
  Arrays arrays;
  identities_before_ = std::move(identities_);
  std::vector<IdentityRecord> with_aliases;
  arrays.identities = &identities_before_;
  if (!aliases_.empty()) {
    with_aliases = identities_before_;
    for (const auto& [retired, now] : aliases_) {
      if (retired.value >= with_aliases.size()) with_aliases.resize(retired.value + 1);
      with_aliases[retired.value] =
          now.value < identities_before_.size() ? identities_before_[now.value] : IdentityRecord{};
    }
    arrays.identities = &with_aliases;
  }
  sweep();
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
  arrays.blocks = &blocks_.records();
  arrays.rule_sets = &rule_sets_.records();
  arrays.decisions = &decisions_.records();
  arrays.wide_maps = &wide_maps_.records();
  arrays.wide_pages = &wide_pages_.records();
  const Tries plain = tries_ != nullptr ? Tries() : build_tries({});
  arrays.tries = tries_ != nullptr ? tries_.get() : &plain;
  auto sections = write_sections(revision, arrays, last);
  begin();
  return sections;
}

Places TableBuilder::places() const {
  return {.identities = identities_before_,
          .blocks = blocks_.records(),
          .rule_sets = rule_sets_.records(),
          .decisions = decisions_.records(),
          .wide_maps = wide_maps_.records(),
          .wide_pages = wide_pages_.records()};
}

}  // namespace bulkhead::table
