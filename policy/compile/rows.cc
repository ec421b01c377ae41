// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/rows.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "policy/compile/fold.h"
#include "policy/compile/sorted.h"
#include "policy/table/format.h"

namespace bulkhead::compile {
namespace {

std::vector<std::uint32_t> stance_key(const Stance& stance) {
  std::vector<std::uint32_t> key = {stance.is_quarantined ? 1u : 0u};
  for (const Base& base : stance.base) {
    key.push_back(base.is_isolated ? 1 : 0);
    key.push_back(static_cast<std::uint32_t>(base.default_verdict));
    key.push_back(static_cast<std::uint32_t>(base.default_rule));
  }
  return key;
}

}  // namespace

RowWriter::RowWriter(KeptRows& kept, const RuleBook& book, const Columns& columns,
                     const PortLists& port_lists, Decisions& decisions,
                     table::TableBuilder& builder)
    : kept_(kept),
      book_(book),
      columns_(columns),
      port_lists_(port_lists),
      decisions_(decisions),
      builder_(builder) {
  if (kept_.rows_.empty()) return;
  for (const Columns::Moved& moved : columns_.moved()) {
    for (const std::uint32_t set : moved.sets) moved_by_set_[set].push_back(moved.column);
    if (moved.has_other_ports) with_other_ports_.push_back(moved.column);
  }
}

std::uint32_t RowWriter::row_of(const Stance& stance, std::uint32_t own_ports, IdentityId subject) {
  Key key = stance_key(stance);
  key.push_back(is_egress() ? 0 : own_ports);
  key.insert(key.end(), stance.rules.begin(), stance.rules.end());
  const auto [found, is_new] = kept_.rows_.try_emplace(std::move(key));
  Kept& row = found->second;
  if (row.number) return *row.number;
  if (is_new) {
    write(stance, own_ports, row);
  } else {
    follow(stance, own_ports, row);
  }
  row.number = builder_.put_row(kept_.direction_, row.row, subject);
  return *row.number;
}

void RowWriter::end() {
  std::erase_if(kept_.rows_, [](const auto& item) { return !item.second.number; });
  for (auto& [key, row] : kept_.rows_) row.number.reset();
}

void RowWriter::write(const Stance& stance, std::uint32_t own_ports, Kept& row) {
  read(stance, row);
  row.row = builder_.row(rule_set(stance, row.everywhere, is_egress() ? 0 : own_ports));
  std::vector<Cell> cells;
  if (!is_egress() && !stance.is_quarantined) cells.push_back({kOwnNodeColumn, own_node_set()});
  const auto others = all_cells(stance, own_ports, row);
  std::ranges::copy_if(others, std::back_inserter(cells),
                       [&](const Cell& cell) { return cell.rule_set != row.row.otherwise; });
  builder_.set_cells(row.row, cells);
}

// A cell depends on the stance, on the sets of its column that the row's rules name, and on the
// ports that go by name there.
void RowWriter::follow(const Stance& stance, std::uint32_t own_ports, Kept& row) {
  const auto columns = moved_columns_of(row);
  if (!columns.empty()) {
    builder_.set_cells(row.row, cells_of(stance, own_ports, row, columns));
  }
}

void RowWriter::read(const Stance& stance, Kept& row) const {
  for (std::uint32_t position = 0; position < stance.rules.size(); ++position) {
    const FlatRule& rule = book_.rule(stance.rules[position]);
    const bool names_ports = !rule.named_ports.empty();
    row.names_ports = row.names_ports || names_ports;
    if (rule.every_peer) {
      row.everywhere.push_back(position);
      row.names_ports_everywhere = row.names_ports_everywhere || names_ports;
      continue;
    }
    for (const std::uint32_t set : rule.peer_sets) row.uses.push_back({set, position});
  }
  std::ranges::sort(row.uses);
}

// What leads a column from one list to the next: `lists` are the positions of rules that name some
// column, and each set of the row makes the lists of its columns longer. So a column costs the sets
// that the row names, not all those it is in.
std::vector<RowWriter::Key> RowWriter::lists_of(const Kept& row,
                                                std::vector<std::uint32_t>& columns) {
  std::vector<Key> lists = {{}};
  list_at_.resize(columns_.count(), kNoList);
  const auto touch = [&](std::uint32_t column) {
    if (list_at_[column] != kNoList) return;
    list_at_[column] = 0;
    columns.push_back(column);
  };
  for (std::size_t i = 0; i < row.uses.size();) {
    const std::uint32_t set = row.uses[i].set;
    Key positions;
    for (; i < row.uses.size() && row.uses[i].set == set; ++i) {
      positions.push_back(row.uses[i].position);
    }
    std::vector<std::uint32_t> longer(lists.size(), 0);
    columns_.for_each_of_set(set, [&](std::uint32_t column) {
      touch(column);
      std::uint32_t& list = list_at_[column];
      if (list >= longer.size()) return;  // this set led here
      if (longer[list] == 0) {
        longer[list] = static_cast<std::uint32_t>(lists.size());
        Key next = lists[list];
        next.insert(next.end(), positions.begin(), positions.end());
        lists.push_back(std::move(next));
      }
      list = longer[list];
    });
  }
  if (is_egress() && row.names_ports_everywhere) {
    for (const auto& [column, ports] : columns_.with_ports()) touch(column);
  }
  if (columns.size() < list_at_.size() / 16) {
    std::ranges::sort(columns);
    return lists;
  }
  columns.clear();
  for (std::uint32_t column = 0; column < list_at_.size(); ++column) {
    if (list_at_[column] != kNoList) columns.push_back(column);
  }
  return lists;
}

// Those that can be other than `otherwise`.
std::vector<RowWriter::Cell> RowWriter::all_cells(const Stance& stance, std::uint32_t own_ports,
                                                  const Kept& row) {
  std::vector<std::uint32_t> columns;
  auto lists = lists_of(row, columns);
  for (Key& list : lists) sort_once(list);
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> set_of;  // by list and ports
  std::vector<Cell> cells;
  cells.reserve(columns.size());
  std::vector<std::uint32_t> positions;
  for (const std::uint32_t column : columns) {
    const std::uint32_t list = std::exchange(list_at_[column], kNoList);
    std::uint32_t ports = own_ports;
    if (is_egress()) ports = row.names_ports ? columns_.port_list(column) : 0;
    const auto [set, is_new] = set_of.try_emplace({list, ports});
    if (is_new) {
      positions.clear();
      std::ranges::merge(row.everywhere, lists[list], std::back_inserter(positions));
      set->second = rule_set(stance, positions, ports);
    }
    cells.push_back({column, set->second});
  }
  return cells;
}

std::vector<std::uint32_t> RowWriter::moved_columns_of(const Kept& row) const {
  std::vector<std::uint32_t> columns;
  if (!moved_by_set_.empty()) {
    for (const KeptRows::Use& use : row.uses) {
      const auto found = moved_by_set_.find(use.set);
      if (found == moved_by_set_.end()) continue;
      columns.insert(columns.end(), found->second.begin(), found->second.end());
    }
  }
  if (row.names_ports) {
    columns.insert(columns.end(), with_other_ports_.begin(), with_other_ports_.end());
  }
  sort_once(columns);
  return columns;
}

// Of a few columns, each by the sets it is in.
std::vector<RowWriter::Cell> RowWriter::cells_of(const Stance& stance, std::uint32_t own_ports,
                                                 const Kept& row,
                                                 const std::vector<std::uint32_t>& columns) {
  for (auto i = static_cast<std::uint32_t>(row.uses.size()); i-- > 0;) {
    const std::uint32_t set = row.uses[i].set;
    if (set >= first_use_.size()) first_use_.resize(set + 1);
    first_use_[set] = i + 1;
  }
  // Most columns of a row are named by the same few rules.
  std::unordered_map<Key, std::uint32_t, VectorHash> set_of;
  std::vector<Cell> cells;
  cells.reserve(columns.size());
  std::vector<std::uint32_t> here;  // the rules that name the column; then its ports
  std::vector<std::uint32_t> positions;
  for (const std::uint32_t column : columns) {
    here.clear();
    for (const std::uint32_t set : columns_.sets_of(column)) {
      const std::uint32_t first = set < first_use_.size() ? first_use_[set] : 0;
      if (first == 0) continue;
      for (std::uint32_t i = first - 1; i < row.uses.size() && row.uses[i].set == set; ++i) {
        here.push_back(row.uses[i].position);
      }
    }
    sort_once(here);
    const std::uint32_t ports = is_egress() ? columns_.port_list(column) : own_ports;
    here.push_back(ports);
    const auto [set, is_new] = set_of.try_emplace(here);
    here.pop_back();
    if (is_new) {
      positions.clear();
      std::ranges::merge(row.everywhere, here, std::back_inserter(positions));
      set->second = rule_set(stance, positions, ports);
    }
    cells.push_back({column, set->second});
  }
  for (const KeptRows::Use& use : row.uses) first_use_[use.set] = 0;
  return cells;
}

// The rule set of the rules at these positions of the stance, each list folded once.
std::uint32_t RowWriter::rule_set(const Stance& stance, const std::vector<std::uint32_t>& positions,
                                  std::uint32_t port_list) {
  std::vector<std::uint32_t> rules;
  bool names_ports = false;
  for (const std::uint32_t position : positions) {
    rules.push_back(stance.rules[position]);
    names_ports = names_ports || !book_.rule(rules.back()).named_ports.empty();
  }
  Key key = stance_key(stance);
  key.push_back(names_ports ? port_list : 0);
  key.insert(key.end(), rules.begin(), rules.end());
  const auto [found, is_new] = rule_sets_.try_emplace(std::move(key));
  if (is_new) {
    std::vector<table::TableBuilder::Interval> intervals;
    for (const auto& [last, outcome] :
         fold(book_, stance, rules, port_lists_.list(names_ports ? port_list : 0))) {
      intervals.push_back({last, decisions_.number_of(kept_.direction_, outcome)});
    }
    found->second = builder_.rule_set(std::move(intervals));
  }
  return found->second;
}

std::uint32_t RowWriter::own_node_set() {
  const Outcome allowed{Verdict::Allow, RuleName::OwnNode};
  return builder_.rule_set(
      {{table::kLineEnd, decisions_.number_of(kept_.direction_, {allowed, allowed})}});
}

}  // namespace bulkhead::compile
