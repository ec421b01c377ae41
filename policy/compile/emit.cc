// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/emit.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>

#include "policy/compile/fold.h"
#include "policy/compile/vector_hash.h"

namespace bulkhead::compile {
namespace {

using table::TableBuilder;

// Turns outcomes into decisions, and hands out the counter slots they name.
class Decisions {
 public:
  Decisions(const RuleBook& book, Numbers& numbers, TableBuilder& builder)
      : book_(book), numbers_(numbers), builder_(builder) {}

  [[nodiscard]] std::uint32_t number_of(Direction direction,
                                        const std::array<Outcome, kWorlds>& outcome) {
    const auto& [enforced, staged] = outcome;
    const auto [found, is_new] = known_.try_emplace({direction, enforced, staged});
    if (!is_new) return found->second;
    table::DecisionRecord record;
    record.slot = slot_of(direction, enforced, false).value;
    if (staged != enforced) record.staged_slot = slot_of(direction, staged, true).value;
    record.verdict = static_cast<std::uint8_t>(enforced.verdict);
    record.staged_verdict = static_cast<std::uint8_t>(staged.verdict);
    found->second = builder_.decision(record);
    return found->second;
  }

  // Of all decisions so far.
  void hand_over(CompiledTable& compiled) {
    std::ranges::sort(slots_, {}, &SlotInfo::slot);
    compiled.slots = std::move(slots_);
    compiled.slot_keys = std::move(keys_);
  }

 private:
  CounterSlot slot_of(Direction direction, const Outcome& outcome, const bool is_staged) {
    const auto [found, is_new] = slot_numbers_.try_emplace({direction, outcome, is_staged});
    if (!is_new) return found->second;
    const std::string& rule = book_.text(outcome.rule);
    std::string key = fmt::format("{}|{}|{}|{}", rule, name_of(direction), name_of(outcome.verdict),
                                  is_staged ? "staged" : "enforced");
    found->second = numbers_.slot(key);
    slots_.push_back({found->second, rule, direction, outcome.verdict, is_staged});
    keys_.push_back(std::move(key));
    return found->second;
  }

  const RuleBook& book_;
  Numbers& numbers_;
  TableBuilder& builder_;
  std::vector<SlotInfo> slots_;
  std::vector<std::string> keys_;
  std::map<std::tuple<Direction, Outcome, Outcome>, std::uint32_t> known_;
  std::map<std::tuple<Direction, Outcome, bool>, CounterSlot> slot_numbers_;
};

// The rows of one direction.
class RowWriter {
 public:
  RowWriter(Direction direction, const RuleBook& book, const Columns& columns,
            const PortLists& port_lists, Decisions& decisions, TableBuilder& builder)
      : direction_(direction),
        book_(book),
        columns_(columns),
        port_lists_(port_lists),
        decisions_(decisions),
        builder_(builder),
        rules_of_column_(columns.count()) {}

  // `own_ports`: the subject's named ports, which count where it is the destination. `subject`: one
  // of its identities.
  [[nodiscard]] std::uint32_t row_of(const Stance& stance, std::uint32_t own_ports,
                                     IdentityId subject) {
    std::vector<std::uint32_t> key = stance_key(stance);
    key.push_back(direction_ == Direction::Ingress ? own_ports : 0);
    key.insert(key.end(), stance.rules.begin(), stance.rules.end());
    const auto [found, is_new] = rows_.try_emplace(std::move(key));
    if (is_new) found->second = write(stance, own_ports, subject);
    return found->second;
  }

 private:
  static std::vector<std::uint32_t> stance_key(const Stance& stance) {
    std::vector<std::uint32_t> key = {stance.is_quarantined ? 1u : 0u};
    for (const Base& base : stance.base) {
      key.push_back(base.is_isolated ? 1 : 0);
      key.push_back(static_cast<std::uint32_t>(base.default_verdict));
      key.push_back(static_cast<std::uint32_t>(base.default_rule));
    }
    return key;
  }

  std::uint32_t write(const Stance& stance, std::uint32_t own_ports, IdentityId subject) {
    const bool is_egress = direction_ == Direction::Egress;
    std::vector<std::uint32_t> everywhere;  // rules for every peer
    std::vector<std::uint32_t> touched = touch(stance, everywhere);
    const bool names_ports = std::ranges::any_of(everywhere, [&](std::uint32_t position) {
      return !book_.rule(stance.rules[position]).named_ports.empty();
    });
    if (is_egress && names_ports) touch_columns_with_ports(touched);
    std::ranges::sort(touched);

    const std::uint32_t otherwise = rule_set(stance, everywhere, is_egress ? 0 : own_ports);
    std::vector<TableBuilder::Cell> cells;
    if (!is_egress && !stance.is_quarantined) cells.push_back({kOwnNodeColumn, own_node_set()});
    // Most columns of a row are named by the same few rules.
    std::unordered_map<std::vector<std::uint32_t>, std::uint32_t, VectorHash> set_of;
    std::vector<std::uint32_t> positions;
    for (const std::uint32_t column : touched) {
      auto& here = rules_of_column_[column];
      const std::uint32_t ports = is_egress ? columns_.port_list(column) : own_ports;
      here.push_back(ports);
      const auto [set, is_new] = set_of.try_emplace(here);
      here.pop_back();
      if (is_new) {
        positions.clear();
        std::ranges::merge(everywhere, here, std::back_inserter(positions));
        set->second = rule_set(stance, positions, ports);
      }
      here.clear();
      if (set->second != otherwise) cells.push_back({column, set->second});
    }
    return builder_.add_row(direction_, otherwise, cells, subject);
  }

  // Notes at each column the positions of the rules that name it; returns those columns.
  std::vector<std::uint32_t> touch(const Stance& stance, std::vector<std::uint32_t>& everywhere) {
    std::vector<std::uint32_t> touched;
    for (std::uint32_t position = 0; position < stance.rules.size(); ++position) {
      const FlatRule& rule = book_.rule(stance.rules[position]);
      if (rule.every_peer) {
        everywhere.push_back(position);
        continue;
      }
      for (const std::uint32_t set : rule.peer_sets) {
        columns_.for_each_of_set(set, [&](std::uint32_t column) {
          auto& here = rules_of_column_[column];
          if (here.empty()) touched.push_back(column);
          if (here.empty() || here.back() != position) here.push_back(position);
        });
      }
    }
    return touched;
  }

  void touch_columns_with_ports(std::vector<std::uint32_t>& touched) const {
    for (const auto& [column, ports] : columns_.with_ports()) {
      if (rules_of_column_[column].empty()) touched.push_back(column);
    }
  }

  // The rule set of the rules at these positions of the stance, each list folded once.
  std::uint32_t rule_set(const Stance& stance, const std::vector<std::uint32_t>& positions,
                         std::uint32_t port_list) {
    std::vector<std::uint32_t> rules;
    bool names_ports = false;
    for (const std::uint32_t position : positions) {
      rules.push_back(stance.rules[position]);
      names_ports = names_ports || !book_.rule(rules.back()).named_ports.empty();
    }
    std::vector<std::uint32_t> key = stance_key(stance);
    key.push_back(names_ports ? port_list : 0);
    key.insert(key.end(), rules.begin(), rules.end());
    const auto [found, is_new] = rule_sets_.try_emplace(std::move(key));
    if (is_new) {
      std::vector<TableBuilder::Interval> intervals;
      for (const auto& [last, outcome] :
           fold(book_, stance, rules, port_lists_.list(names_ports ? port_list : 0))) {
        intervals.push_back({last, decisions_.number_of(direction_, outcome)});
      }
      found->second = builder_.rule_set(std::move(intervals));
    }
    return found->second;
  }

  std::uint32_t own_node_set() {
    const Outcome allowed{Verdict::Allow, RuleName::OwnNode};
    return builder_.rule_set(
        {{table::kLineEnd, decisions_.number_of(direction_, {allowed, allowed})}});
  }

  const Direction direction_;
  const RuleBook& book_;
  const Columns& columns_;
  const PortLists& port_lists_;
  Decisions& decisions_;
  TableBuilder& builder_;
  std::vector<std::vector<std::uint32_t>> rules_of_column_;  // scratch of write()
  std::unordered_map<std::vector<std::uint32_t>, std::uint32_t, VectorHash> rows_;
  std::unordered_map<std::vector<std::uint32_t>, std::uint32_t, VectorHash> rule_sets_;
};

Status add_aliases(std::span<const Alias> aliases, const Identities& identities,
                   TableBuilder& builder) {
  for (const auto& [retired, now] : aliases) {
    if (retired < kFirstDynamicIdentity || now < kFirstDynamicIdentity) {
      return fail("alias {} -> {}: reserved identities have none", retired.value, now.value);
    }
    if (retired.value >= table::kMaxIdentities) {
      return fail("alias {}: exceeds the limit of {} identities", retired.value,
                  table::kMaxIdentities);
    }
    if (!identities.is_live(retired) && identities.is_live(now)) builder.alias(retired, now);
  }
  return {};
}

}  // namespace

Status emit(const EmitInputs& inputs, std::span<const Alias> aliases, Numbers& numbers,
            CompiledTable& compiled) {
  const Identities& identities = inputs.identities;
  TableBuilder builder(numbers.places());
  Decisions decisions(inputs.book, numbers, builder);
  for (const Direction direction : kDirections) {
    const auto d = static_cast<std::size_t>(direction);
    const Columns& columns = inputs.columns[d];
    for (std::uint32_t id = 0; id < identities.all().size(); ++id) {
      if (!identities.all()[id].is_live) continue;
      builder.set_peer(IdentityId{id}, direction, columns.of_identity(id));
    }
    builder.reserve_columns(direction, columns.count());
    if (direction == Direction::Ingress) {
      builder.set_peer(kOwnNodeIdentity, direction, kOwnNodeColumn);
    }
    RowWriter rows(direction, inputs.book, columns, inputs.port_lists, decisions, builder);
    for (const Subject& subject : inputs.subjects) {
      const std::uint32_t own_ports = inputs.port_lists.number_of(
          inputs.book.ports_of(*identities.inventory().group(subject.group).pod));
      const IdentityId first{subject.identities.front()};
      const std::uint32_t row = rows.row_of(subject.stance[d], own_ports, first);
      if (builder.bytes() > table::kMaxTableBytes) {
        return fail("the table exceeds the limit of {} MiB", table::kMaxTableBytes >> 20);
      }
      for (const std::uint32_t id : subject.identities) {
        builder.set_subject(IdentityId{id}, direction, row);
      }
    }
  }
  if (auto ok = add_aliases(aliases, identities, builder); !ok) return ok;
  builder.set_tries(inputs.tries);
  auto sections = builder.finish(compiled.revision);
  if (!sections) return tl::unexpected(sections.error());
  compiled.sections = std::move(*sections);
  decisions.hand_over(compiled);
  numbers.remember(builder.places());
  return {};
}

}  // namespace bulkhead::compile
