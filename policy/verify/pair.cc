// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/pair.h"

#include <algorithm>
#include <array>

#include "policy/oracle/oracle.h"
#include "policy/table/format.h"

namespace bulkhead::verify {
namespace {

// The three with ports, and one for all the others.
constexpr std::array<std::uint8_t, 4> kProtocols = {kTcp, kUdp, kSctp, kIcmp};

}  // namespace

PairCheck::PairCheck(const SharedVector<compile::SlotInfo>& slots, const table::TableView& table)
    : table_(table), cuts_(table) {
  for (const auto& info : slots) slots_.emplace(info.slot.value, &info);
}

Status PairCheck::check(const model::Cluster& cluster, Direction direction, const Party& subject,
                        const Party& peer) {
  // The own node is only ever a source: its addresses as destinations are outside ones.
  if (peer.party.own_node && direction == Direction::Egress) return {};
  Pair pair{direction, subject, peer, subject.party, peer.party};
  if (peer.party.pod != nullptr && peer.party.pod == subject.party.pod) {
    // A pod that speaks to itself never leaves its namespace; another of its kind stands in.
    if (peer.other_pod != nullptr) {
      pair.other = {.pod = peer.other_pod, .address = peer.other_address};
    } else if (subject.other_pod != nullptr) {
      pair.speaker = {.pod = subject.other_pod, .address = subject.other_address};
    } else {
      return {};
    }
  }
  for (const std::uint8_t protocol : kProtocols) {
    if (auto ok = check_protocol(cluster, pair, protocol); !ok) return ok;
  }
  return {};
}

Status PairCheck::check_protocol(const model::Cluster& cluster, const Pair& pair,
                                 std::uint8_t protocol) {
  std::vector<oracle::Interval> intervals(1);
  if (!pair.peer.must_be_unknown) {
    intervals =
        oracle::decide_all_ports(cluster, pair.direction, pair.speaker, pair.other, protocol);
  }
  choose_ports(pair, protocol, intervals);
  ask_table(pair, protocol);
  auto interval = intervals.begin();
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    while (interval->last < ports_[i]) ++interval;
    if (auto ok = compare(pair, protocol, ports_[i], interval->answer, decisions_[i]); !ok) {
      return ok;
    }
  }
  return {};
}

// Where either reader begins a new run, and where the oracle ends one.
void PairCheck::choose_ports(const Pair& pair, std::uint8_t protocol,
                             const std::vector<oracle::Interval>& intervals) {
  ports_.clear();
  for (const auto& interval : intervals) {
    ports_.push_back(interval.first);
    ports_.push_back(interval.last);
  }
  if (has_ports(protocol)) {
    const std::uint32_t first = table::line_point(protocol, 0);
    const auto& cuts = cuts_.of(pair.direction, pair.subject.identity, pair.peer.identity);
    for (auto cut = std::ranges::lower_bound(cuts, first);
         cut != cuts.end() && *cut < first + 65536; ++cut) {
      ports_.push_back(static_cast<std::uint16_t>(*cut - first));
    }
  }
  std::ranges::sort(ports_);
  ports_.erase(std::unique(ports_.begin(), ports_.end()), ports_.end());
}

void PairCheck::ask_table(const Pair& pair, std::uint8_t protocol) {
  queries_.clear();
  for (const std::uint16_t port : ports_) {
    queries_.push_back({pair.subject.identity, pair.peer.identity, port, protocol});
  }
  decisions_.assign(queries_.size(), table::Decision{});
  table::lookup(table_, pair.direction, queries_, decisions_);
  questions_ += queries_.size();
}

Status PairCheck::compare(const Pair& pair, std::uint8_t protocol, std::uint16_t port,
                          const oracle::Answer& expected, const table::Decision& decision) const {
  const bool is_same_verdict =
      decision.verdict == expected.verdict && decision.staged_verdict == expected.staged_verdict;
  const bool is_same_rule =
      names(decision.slot, pair.direction, expected.verdict, false, expected.rule);
  const bool changes_nothing =
      expected.staged_rule == expected.rule && expected.staged_verdict == expected.verdict;
  const bool is_same_staged_rule = changes_nothing
                                       ? decision.staged_slot.value == 0
                                       : names(decision.staged_slot, pair.direction,
                                               expected.staged_verdict, true, expected.staged_rule);
  if (is_same_verdict && is_same_rule && is_same_staged_rule) return {};
  return fail(
      "{} of {}, peer {}, {} port {}: the oracle says {} by '{}' (staged: {} by '{}'), "
      "the table says {} by '{}' (staged: {} by '{}')",
      name_of(pair.direction), pair.subject.text(), pair.peer.text(), protocol_name(protocol), port,
      name_of(expected.verdict), expected.rule, name_of(expected.staged_verdict),
      expected.staged_rule, name_of(decision.verdict), text_of(decision.slot),
      name_of(decision.staged_verdict), text_of(decision.staged_slot));
}

// Slot 0 is "no rule".
bool PairCheck::names(CounterSlot slot, Direction direction, Verdict verdict, const bool is_staged,
                      const std::string& rule) const {
  if (slot.value == 0) return rule.empty();
  const auto found = slots_.find(slot.value);
  if (found == slots_.end()) return false;
  const compile::SlotInfo& info = *found->second;
  return info.rule == rule && info.direction == direction && info.verdict == verdict &&
         info.staged == is_staged;
}

std::string PairCheck::text_of(CounterSlot slot) const {
  if (slot.value == 0) return "";
  const auto found = slots_.find(slot.value);
  return found != slots_.end() ? found->second->rule : fmt::format("slot {}", slot.value);
}

}  // namespace bulkhead::verify
