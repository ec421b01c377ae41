// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/classes.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "policy/compile/sorted.h"

namespace bulkhead::compile {
namespace {

bool is_set(const std::vector<bool>& bits, std::size_t i) { return i < bits.size() && bits[i]; }

}  // namespace

std::uint32_t PortLists::number_of(const std::vector<PortOfName>& ports) {
  const auto [found, is_new] =
      numbers_.try_emplace(ports, static_cast<std::uint32_t>(lists_.size()));
  if (is_new) lists_.push_back(ports);
  return found->second;
}

std::vector<bool> used_rules(Direction direction, const std::vector<Subject>& subjects,
                             const RuleBook& book) {
  std::vector<bool> used(book.size());
  for (const Subject& subject : subjects) {
    for (const std::uint32_t rule : subject.stance(direction).rules) used[rule] = true;
  }
  return used;
}

std::vector<bool> used_sets(const std::vector<bool>& used_rules, const RuleBook& book,
                            std::size_t set_count) {
  std::vector<bool> used(set_count);
  for (std::uint32_t rule = 0; rule < used_rules.size(); ++rule) {
    if (!used_rules[rule]) continue;
    for (const std::uint32_t set : book.rule(rule).peer_sets) used[set] = true;
  }
  return used;
}

Columns::Columns(Direction direction, std::span<const table::IdentityRecord> before)
    : direction_(direction), classes_(1) {
  for (const table::IdentityRecord& record : before) {
    before_.push_back(record.peer_class[static_cast<std::size_t>(direction)]);
    if (before_.back() > kOwnNodeColumn) used_columns_.insert(before_.back());
  }
}

std::uint32_t Columns::count() const {
  return std::max(kOwnNodeColumn, used_columns_.empty() ? 0 : *used_columns_.rbegin()) + 1;
}

std::vector<std::uint32_t> Columns::of_identities() const {
  std::vector<std::uint32_t> column_of;  // by class: small enough to stay near
  for (const Class& held : classes_) column_of.push_back(held.column);
  std::vector<std::uint32_t> columns;
  columns.reserve(class_of_.size());
  for (const std::uint32_t number : class_of_) columns.push_back(column_of[number]);
  while (!columns.empty() && columns.back() == 0) columns.pop_back();
  return columns;
}

std::uint32_t Columns::port_list(std::uint32_t column) const {
  const std::uint32_t number = column < class_at_.size() ? class_at_[column] : kNoClass;
  return number != kNoClass ? classes_[number].signature.back() : 0;
}

std::span<const std::uint32_t> Columns::sets_of(std::uint32_t column) const {
  if (column >= class_at_.size() || class_at_[column] == kNoClass) return {};
  return std::span(classes_[class_at_[column]].signature)
      .first(classes_[class_at_[column]].signature.size() - 1);
}

std::uint32_t Columns::ports_of(const ColumnInputs& inputs, std::uint32_t id) const {
  const std::uint32_t group = inputs.identities.all()[id].group;
  // In Egress the peer is the destination, whose named ports count.
  if (direction_ == Direction::Ingress || group == kNoGroup) return 0;
  return inputs.port_lists.number_of(
      inputs.book.ports_of(*inputs.identities.inventory().group(group).pod));
}

// The identities that have a port by a name that rules begin or cease to use.
std::vector<std::uint32_t> Columns::renamed_ports(const ColumnInputs& inputs) const {
  std::vector<std::uint32_t> found;
  const auto& named = inputs.book.named_ports();
  for (std::uint32_t number = 0; number < std::max(named.size(), named_ports_.size()); ++number) {
    if (is_set(named, number) == is_set(named_ports_, number)) continue;
    const auto& name = inputs.port_names.name(number).second;
    for (const std::uint32_t group : inputs.identities.inventory().groups_with_port(name)) {
      const auto identities = inputs.identities.of_group(group);
      found.insert(found.end(), identities.begin(), identities.end());
    }
  }
  return found;
}

// Of the identities that came, or whose signature may be another one now.
std::vector<Columns::Move> Columns::moves(const ColumnInputs& inputs,
                                          const std::vector<bool>& used_sets,
                                          const Identities::Change& change) const {
  const auto& sets = inputs.resolver.sets();
  std::vector<Move> moves;
  std::vector<std::uint32_t> place(inputs.identities.all().size());  // in moves, from 1
  const auto of = [&](std::uint32_t id) -> Signature& {
    if (place[id] == 0) {
      const Signature known =
          id < class_of_.size() ? classes_[class_of_[id]].signature : Signature{};
      moves.push_back({.id = id, .signature = known, .column_before = column_before(id)});
      if (known.empty()) moves.back().signature = {ports_of(inputs, id)};
      place[id] = static_cast<std::uint32_t>(moves.size());
    }
    return moves[place[id] - 1].signature;
  };
  for (const std::uint32_t id : change.come) (void)of(id);
  if (direction_ == Direction::Egress) {
    for (const std::uint32_t id : renamed_ports(inputs)) of(id).back() = ports_of(inputs, id);
  }
  // The sets of a signature; its last number is the ports'.
  const auto put = [&](std::uint32_t id, std::uint32_t set, const bool is_in) {
    Signature& signature = of(id);
    const auto end = signature.end() - 1;
    const auto found = std::lower_bound(signature.begin(), end, set);
    const bool is_there = found != end && *found == set;
    if (is_in && !is_there) signature.insert(found, set);
    if (!is_in && is_there) signature.erase(found);
  };
  for (std::uint32_t set = 0; set < sets.size(); ++set) {
    const bool is_used = is_set(used_sets, set);
    if (is_used != is_set(used_sets_, set)) {
      for (const std::uint32_t id : sets[set]) put(id, set, is_used);
    } else if (is_used) {
      for (const std::uint32_t id : change.come) {
        if (std::ranges::binary_search(sets[set], id)) put(id, set, true);
      }
    }
  }
  return moves;
}

std::uint32_t Columns::class_with(const Signature& signature) {
  const auto known = class_numbers_.find(signature);
  if (known != class_numbers_.end()) return known->second;
  auto number = static_cast<std::uint32_t>(classes_.size());
  if (free_classes_.empty()) {
    classes_.emplace_back();
  } else {
    number = free_classes_.back();
    free_classes_.pop_back();
  }
  classes_[number] = {.signature = signature, .column = 0, .first = 0, .size = 0};
  class_numbers_.emplace(signature, number);
  note_sets(number, true);
  return number;
}

void Columns::note_sets(std::uint32_t number, const bool is_new) {
  const Signature& signature = classes_[number].signature;
  for (std::size_t i = 0; i + 1 < signature.size(); ++i) {
    if (signature[i] >= of_set_.size()) of_set_.resize(signature[i] + 1);
    if (is_new) {
      insert_sorted(of_set_[signature[i]], number);
    } else {
      erase_sorted(of_set_[signature[i]], number);
    }
  }
}

void Columns::follow(const ColumnInputs& inputs, const std::vector<bool>& used_sets,
                     const Identities::Change& change) {
  auto moved = moves(inputs, used_sets, change);
  class_of_.resize(std::max(class_of_.size(), inputs.identities.all().size()), kNoClass);
  std::set<std::uint32_t> touched;
  const auto move = [&](std::uint32_t id, std::uint32_t to) {
    const std::uint32_t from = std::exchange(class_of_[id], to);
    if (from != kNoClass) {
      --classes_[from].size;
      touched.insert(from);
    }
    if (to != kNoClass) {
      ++classes_[to].size;
      touched.insert(to);
    }
  };
  for (const std::uint32_t id : change.gone) move(id, kNoClass);
  for (const Move& item : moved) {
    const std::uint32_t to = class_with(item.signature);
    if (class_of_[item.id] != to) move(item.id, to);
  }
  find_first(touched);
  std::ranges::sort(moved, {}, &Move::id);
  number(touched, moved);
  used_sets_ = used_sets;
  named_ports_ = inputs.book.named_ports();
  before_.clear();
}

// The lowest identity of every class that lost or won some.
void Columns::find_first(const std::set<std::uint32_t>& touched) {
  std::vector<bool> is_open(classes_.size());
  std::size_t open = 0;
  for (const std::uint32_t number : touched) {
    if (classes_[number].size == 0) continue;
    is_open[number] = true;
    ++open;
  }
  for (std::uint32_t id = 0; id < class_of_.size() && open > 0; ++id) {
    if (!is_open[class_of_[id]]) continue;
    is_open[class_of_[id]] = false;
    classes_[class_of_[id]].first = id;
    --open;
  }
}

// A class that did not change keeps its column: its identities had it, and nobody else did.
void Columns::number(const std::set<std::uint32_t>& touched, const std::vector<Move>& moved) {
  std::vector<std::uint32_t> order;
  std::map<std::uint32_t, Signature> left;  // columns of classes that are no more, or take another
  for (const std::uint32_t number : touched) {
    Class& held = classes_[number];
    if (held.column != 0) {
      left.emplace(held.column, held.signature);
      class_at_[held.column] = kNoClass;
    }
    with_ports_.erase(held.column);
    if (held.size > 0) {
      order.push_back(number);
      continue;
    }
    note_sets(number, false);
    class_numbers_.erase(held.signature);
    held = {};
    free_classes_.push_back(number);
  }
  std::ranges::sort(order, {}, [&](std::uint32_t number) { return classes_[number].first; });
  std::set<std::uint32_t> taken;
  std::uint32_t next_free = kOwnNodeColumn + 1;
  for (const std::uint32_t number : order) {
    Class& held = classes_[number];
    const auto first = std::ranges::lower_bound(moved, held.first, {}, &Move::id);
    const bool is_moved = first != moved.end() && first->id == held.first;
    const std::uint32_t claim = is_moved ? first->column_before : held.column;
    if (claim > kOwnNodeColumn && taken.insert(claim).second) {
      held.column = claim;
    } else {
      while (used_columns_.contains(next_free)) ++next_free;
      held.column = next_free++;
      taken.insert(held.column);
    }
    if (held.signature.back() != 0) with_ports_.emplace(held.column, held.signature.back());
    if (held.column >= class_at_.size()) class_at_.resize(held.column + 1, kNoClass);
    class_at_[held.column] = number;
  }
  if (!before_.empty()) used_columns_.clear();
  for (const auto& [column, signature] : left) used_columns_.erase(column);
  used_columns_.insert(taken.begin(), taken.end());
  note_moved(left, order);
}

void Columns::note_moved(const std::map<std::uint32_t, Signature>& before,
                         const std::vector<std::uint32_t>& classes) {
  static const Signature kNobody = {0};
  moved_.clear();
  const auto note = [&](std::uint32_t column, const Signature& was, const Signature& is) {
    if (was == is) return;
    Moved moved{.column = column, .sets = {}, .has_other_ports = was.back() != is.back()};
    std::ranges::set_symmetric_difference(was.begin(), was.end() - 1, is.begin(), is.end() - 1,
                                          std::back_inserter(moved.sets));
    moved_.push_back(std::move(moved));
  };
  for (const std::uint32_t number : classes) {
    const Class& held = classes_[number];
    const auto was = before.find(held.column);
    note(held.column, was != before.end() ? was->second : kNobody, held.signature);
  }
  for (const auto& [column, signature] : before) {
    if (class_at_[column] == kNoClass) note(column, signature, kNobody);
  }
}

std::uint32_t Columns::column_before(std::uint32_t id) const {
  if (!before_.empty()) return id < before_.size() ? before_[id] : 0;
  return id < class_of_.size() ? classes_[class_of_[id]].column : 0;
}

}  // namespace bulkhead::compile
