// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/fold.h"

#include <algorithm>

#include "policy/compile/sorted.h"
#include "policy/table/format.h"

namespace bulkhead::compile {
namespace {

using model::RuleAction;
using model::Tier;

// A rule and the ranges it covers for this destination.
struct PlacedRule {
  const FlatRule* rule = nullptr;
  std::vector<LineRange> ranges;
};

PlacedRule place(const FlatRule& rule, const std::vector<PortOfName>& destination) {
  PlacedRule placed{&rule, rule.ports};
  if (rule.every_port) placed.ranges = {{0, table::kLineEnd}};
  for (const std::uint32_t named : rule.named_ports) {
    for (const PortOfName& port : destination) {
      if (port.named_port == named) placed.ranges.push_back({port.point, port.point});
    }
  }
  return placed;
}

// The line cut at every bound of the rules. Segment i is [starts[i], starts[i + 1]).
std::vector<std::uint32_t> cut(std::span<const PlacedRule> rules) {
  std::vector<std::uint32_t> starts = {0};
  for (const PlacedRule& placed : rules) {
    for (const LineRange& range : placed.ranges) {
      starts.push_back(range.first);
      if (range.last < table::kLineEnd) starts.push_back(range.last + 1);
    }
  }
  sort_once(starts);
  return starts;
}

// What each segment was given first. `next_open_` leads over painted segments, so that painting
// many rules on one line costs about their number, not its square.
class Painter {
 public:
  explicit Painter(const std::vector<std::uint32_t>& starts)
      : starts_(starts), state_(starts.size(), State::Open), outcome_(starts.size()) {
    reopen();
  }

  void paint(std::span<const LineRange> ranges, const Outcome& outcome) {
    for (const LineRange& range : ranges) mark(range, State::Decided, outcome);
  }
  // The tier is left here: no later rule of it decides, the next tier does.
  void pass(std::span<const LineRange> ranges) {
    for (const LineRange& range : ranges) mark(range, State::Passed, {});
  }
  // The next tier begins.
  void end_tier() {
    for (State& state : state_) {
      if (state == State::Passed) state = State::Open;
    }
    reopen();
  }
  void fill(const Outcome& outcome) { mark({0, table::kLineEnd}, State::Decided, outcome); }

  [[nodiscard]] const std::vector<Outcome>& outcomes() const { return outcome_; }

 private:
  enum class State : std::uint8_t { Open, Passed, Decided };

  void reopen() {
    next_open_.resize(state_.size() + 1);
    next_open_.back() = static_cast<std::uint32_t>(state_.size());
    for (std::uint32_t i = 0; i < state_.size(); ++i) {
      next_open_[i] = state_[i] == State::Open ? i : i + 1;
    }
  }
  std::uint32_t open_from(std::uint32_t segment) {
    std::uint32_t open = segment;
    while (next_open_[open] != open) open = next_open_[open];
    while (next_open_[segment] != open) {
      const std::uint32_t next = next_open_[segment];
      next_open_[segment] = open;
      segment = next;
    }
    return open;
  }
  void mark(const LineRange& range, State state, const Outcome& outcome) {
    const auto first = std::ranges::lower_bound(starts_, range.first) - starts_.begin();
    for (std::uint32_t i = open_from(static_cast<std::uint32_t>(first));
         i < state_.size() && starts_[i] <= range.last; i = open_from(i)) {
      state_[i] = state;
      outcome_[i] = outcome;
      next_open_[i] = i + 1;
    }
  }

  const std::vector<std::uint32_t>& starts_;
  std::vector<State> state_;
  std::vector<Outcome> outcome_;
  std::vector<std::uint32_t> next_open_;
};

// ClusterNetworkPolicy: the first rule that matches decides or passes.
void ask_ordered_tier(std::span<const PlacedRule> rules, Tier tier, World world, Painter& painter) {
  for (const auto& [rule, ranges] : rules) {
    if (rule->tier != tier || (rule->staged && world == World::Enforced)) continue;
    switch (rule->action) {
      case RuleAction::Accept:
        painter.paint(ranges, {Verdict::Allow, rule->name});
        break;
      case RuleAction::Deny:
        painter.paint(ranges, {Verdict::Deny, rule->name});
        break;
      case RuleAction::Pass:
        painter.pass(ranges);
        break;
    }
  }
  painter.end_tier();
}

// The tiers whose rules only allow.
void ask_allowing_tier(std::span<const PlacedRule> rules, Tier tier, World world,
                       Painter& painter) {
  for (const auto& [rule, ranges] : rules) {
    if (rule->tier != tier || (rule->staged && world == World::Enforced)) continue;
    painter.paint(ranges, {Verdict::Allow, rule->name});
  }
}

std::vector<Outcome> decide(const Stance& stance, std::span<const PlacedRule> rules,
                            const std::vector<std::uint32_t>& starts, World world) {
  Painter painter(starts);
  const Base& base = stance.base[static_cast<std::size_t>(world)];
  if (stance.is_quarantined) {
    ask_allowing_tier(rules, Tier::Quarantine, world, painter);
    painter.fill({Verdict::Deny, RuleName::Quarantine});
    return painter.outcomes();
  }
  ask_ordered_tier(rules, Tier::Admin, world, painter);
  if (base.is_isolated) {
    ask_allowing_tier(rules, Tier::NetworkPolicy, world, painter);
    painter.fill({Verdict::Deny, RuleName::Isolated});
    return painter.outcomes();
  }
  ask_ordered_tier(rules, Tier::Baseline, world, painter);
  if (base.default_verdict == Verdict::Deny) {
    ask_allowing_tier(rules, Tier::Default, world, painter);
  }
  painter.fill({base.default_verdict, base.default_rule});
  return painter.outcomes();
}

}  // namespace

std::vector<FoldedInterval> fold(const RuleBook& book, const Stance& stance,
                                 std::span<const std::uint32_t> rules,
                                 const std::vector<PortOfName>& destination) {
  std::vector<PlacedRule> placed;
  placed.reserve(rules.size());
  for (const std::uint32_t rule : rules) placed.push_back(place(book.rule(rule), destination));
  const auto starts = cut(placed);
  const auto enforced = decide(stance, placed, starts, World::Enforced);
  const auto staged = decide(stance, placed, starts, World::Staged);

  std::vector<FoldedInterval> intervals;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::uint32_t last = i + 1 < starts.size() ? starts[i + 1] - 1 : table::kLineEnd;
    intervals.push_back({last, {enforced[i], staged[i]}});
  }
  return intervals;
}

}  // namespace bulkhead::compile
