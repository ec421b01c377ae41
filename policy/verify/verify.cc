// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/verify.h"

#include <array>
#include <numeric>
#include <unordered_map>

#include "policy/table/lookup.h"
#include "policy/verify/parties.h"
#include "policy/verify/probes.h"

namespace bulkhead::verify {
namespace {

// The three with ports, and one for all the others.
constexpr std::array<std::uint8_t, 4> kProtocols = {kTcp, kUdp, kSctp, kIcmp};

struct Question {
  Direction direction = Direction::Egress;
  const Party* subject = nullptr;
  const Party* peer = nullptr;
};

// Visits 0..count-1 once each, in an order that the seed picks: a walk of steps coprime to count.
class Walk {
 public:
  Walk(std::uint64_t count, std::uint64_t seed) : count_(count) {
    if (count == 0) return;
    // Multipliers of splitmix64 (Steele, Lea and Flood, OOPSLA 2014) spread small seeds.
    at_ = (seed * 0x9e3779b97f4a7c15u) % count;
    step_ = (seed * 0xbf58476d1ce4e5b9u) % count | 1u;
    while (std::gcd(step_, count) != 1) ++step_;
  }
  std::uint64_t next() {
    const std::uint64_t here = at_;
    at_ = (at_ + step_) % count_;
    return here;
  }

 private:
  std::uint64_t count_;
  std::uint64_t at_ = 0;
  std::uint64_t step_ = 1;
};

class Verifier {
 public:
  Verifier(const model::Cluster& cluster, const compile::CompiledTable& compiled,
           const table::TableView& table, const Parties& parties)
      : cluster_(cluster), table_(table), parties_(parties), probes_(cluster) {
    for (const auto& info : compiled.slots) slots_.emplace(info.slot.value, &info);
  }

  Result<Report> run(const Budget& budget) {
    report_.pairs = parties_.subjects.size() * parties_.peers.size() * std::size(kDirections);
    Walk walk(report_.pairs, budget.seed);
    while (report_.checked < report_.pairs) {
      if (auto ok = check(question_at(walk.next())); !ok) return tl::unexpected(ok.error());
      ++report_.checked;
      if (budget.has_time && !budget.has_time()) break;
    }
    return report_;
  }

 private:
  [[nodiscard]] Question question_at(std::uint64_t number) const {
    const std::uint64_t pair = number / 2;
    return {kDirections[number % 2], &parties_.subjects[pair / parties_.peers.size()],
            &parties_.peers[pair % parties_.peers.size()]};
  }

  Status check(const Question& question) {
    const auto& [direction, subject, peer] = question;
    // The own node is only ever a source: its addresses as destinations are outside ones.
    if (peer->party.own_node && direction == Direction::Egress) return {};
    if (peer->must_be_unknown && peer->identity != kUnknownIdentity) {
      return fail("{} belongs to no live pod, but is not unknown", peer->text());
    }
    oracle::Party other = peer->party;
    if (other.pod != nullptr && other.pod == subject->party.pod) {
      // A pod that speaks to itself never leaves its namespace; another of its kind stands in.
      if (peer->other_pod == nullptr) return {};
      other = {.pod = peer->other_pod, .address = peer->other_address};
    }
    const auto ports = probes_.between(*subject->party.pod, other.pod);
    for (const std::uint8_t protocol : kProtocols) {
      if (auto ok = check_protocol(question, other, protocol, ports); !ok) return ok;
    }
    return {};
  }

  Status check_protocol(const Question& question, const oracle::Party& other, std::uint8_t protocol,
                        const std::vector<std::uint16_t>& ports) {
    const auto& [direction, subject, peer] = question;
    ask_table(question, protocol, ports);
    if (peer->must_be_unknown) {
      for (std::size_t i = 0; i < ports.size(); ++i) {
        if (auto ok = compare(question, protocol, ports[i], oracle::Answer{}, decisions_[i]); !ok) {
          return ok;
        }
      }
      return {};
    }
    const auto intervals =
        oracle::decide_all_ports(cluster_, direction, subject->party, other, protocol);
    auto interval = intervals.begin();
    for (std::size_t i = 0; i < ports.size(); ++i) {
      while (interval->last < ports[i]) ++interval;
      if (auto ok = compare(question, protocol, ports[i], interval->answer, decisions_[i]); !ok) {
        return ok;
      }
    }
    return {};
  }

  void ask_table(const Question& question, std::uint8_t protocol,
                 const std::vector<std::uint16_t>& ports) {
    queries_.clear();
    for (const std::uint16_t port : ports) {
      queries_.push_back({question.subject->identity, question.peer->identity, port, protocol});
    }
    decisions_.assign(queries_.size(), table::Decision{});
    table::lookup(table_, question.direction, queries_, decisions_);
    report_.questions += queries_.size();
  }

  Status compare(const Question& question, std::uint8_t protocol, std::uint16_t port,
                 const oracle::Answer& expected, const table::Decision& decision) const {
    const bool is_same_verdict =
        decision.verdict == expected.verdict && decision.staged_verdict == expected.staged_verdict;
    const bool is_same_rule =
        names(decision.slot, question.direction, expected.verdict, false, expected.rule);
    const bool changes_nothing =
        expected.staged_rule == expected.rule && expected.staged_verdict == expected.verdict;
    const bool is_same_staged_rule =
        changes_nothing ? decision.staged_slot.value == 0
                        : names(decision.staged_slot, question.direction, expected.staged_verdict,
                                true, expected.staged_rule);
    if (is_same_verdict && is_same_rule && is_same_staged_rule) return {};
    return fail(
        "{} of {}, peer {}, {} port {}: the oracle says {} by '{}' (staged: {} by '{}'), "
        "the table says {} by '{}' (staged: {} by '{}')",
        name_of(question.direction), question.subject->text(), question.peer->text(),
        protocol_name(protocol), port, name_of(expected.verdict), expected.rule,
        name_of(expected.staged_verdict), expected.staged_rule, name_of(decision.verdict),
        text_of(decision.slot), name_of(decision.staged_verdict), text_of(decision.staged_slot));
  }

  // Slot 0 is "no rule".
  [[nodiscard]] bool names(CounterSlot slot, Direction direction, Verdict verdict,
                           const bool is_staged, const std::string& rule) const {
    if (slot.value == 0) return rule.empty();
    const auto found = slots_.find(slot.value);
    if (found == slots_.end()) return false;
    const compile::SlotInfo& info = *found->second;
    return info.rule == rule && info.direction == direction && info.verdict == verdict &&
           info.staged == is_staged;
  }

  [[nodiscard]] std::string text_of(CounterSlot slot) const {
    if (slot.value == 0) return "";
    const auto found = slots_.find(slot.value);
    return found != slots_.end() ? found->second->rule : fmt::format("slot {}", slot.value);
  }

  const model::Cluster& cluster_;
  const table::TableView& table_;
  const Parties& parties_;
  PortProbes probes_;
  Report report_;
  std::unordered_map<std::uint32_t, const compile::SlotInfo*> slots_;
  std::vector<table::Query> queries_;
  std::vector<table::Decision> decisions_;
};

}  // namespace

Result<Report> verify(const model::Cluster& cluster, const compile::LocalPods& local,
                      const compile::CompiledTable& compiled, const Budget& budget) {
  const auto table = table::TableView::open(compiled.section_bytes());
  if (!table) return in_context("verify", table.error());
  if (table->revision() != compiled.revision) {
    return fail("verify: the table is of revision {}, not {}", table->revision().value,
                compiled.revision.value);
  }
  const auto parties = find_parties(cluster, local, compiled, *table);
  if (!parties) return in_context("verify", parties.error());
  auto report = Verifier(cluster, compiled, *table, *parties).run(budget);
  if (!report) return in_context("verify", report.error());
  return report;
}

}  // namespace bulkhead::verify
