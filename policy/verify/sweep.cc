// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/sweep.h"

#include <numeric>
#include <unordered_set>

#include "policy/verify/pair.h"
#include "policy/verify/parties.h"
#include "policy/verify/reading.h"
#include "policy/verify/table_cuts.h"

namespace bulkhead::verify {
namespace {

// Reading one peer costs about a microsecond: the clock is asked every some hundred of them.
constexpr std::uint64_t kPeersBetweenClocks = 256;

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

}  // namespace

// One task is a subject in one direction; its peers are all, or those that the scope touches.
class Sweep::State {
 public:
  State(std::shared_ptr<const model::Cluster> cluster,
        std::shared_ptr<const compile::CompiledTable> compiled, table::TableView table,
        Parties parties, std::uint64_t seed)
      : cluster_(std::move(cluster)),
        compiled_(std::move(compiled)),
        table_(std::move(table)),
        parties_(std::move(parties)),
        reading_(*cluster_),
        pair_(*compiled_, table_),
        walk_(task_count(), seed) {
    for (std::uint32_t i = 0; i < parties_.peers.size(); ++i) {
      all_peers_.push_back(i);
      if (parties_.peers[i].is_touched) touched_peers_.push_back(i);
    }
    for (const Party& subject : parties_.subjects) {
      report_.pairs += peers_of(subject).size() * std::size(kDirections);
    }
    tasks_left_ = task_count();
    next_task();
  }

  Status step(const std::function<bool()>& has_time) {
    if (mismatch_) return tl::unexpected(*mismatch_);
    while (!is_complete()) {
      bool asks_clock = report_.checked % kPeersBetweenClocks == 0;
      if (is_new_kind_of_peer()) {
        ++report_.compared;
        const Party& peer = parties_.peers[(*peers_)[at_]];
        const Status same = pair_.check(reading_.narrowed(), direction_, *subject_, peer);
        report_.questions = pair_.questions();
        if (!same) {
          mismatch_ = in_context("verify", same.error()).value();
          return tl::unexpected(*mismatch_);
        }
        asks_clock = true;
      }
      ++report_.checked;
      if (++at_ == peers_->size()) next_task();
      if (asks_clock && has_time && !has_time()) break;
    }
    return {};
  }

  [[nodiscard]] const Report& report() const { return report_; }
  [[nodiscard]] bool is_complete() const { return !mismatch_ && report_.is_complete(); }

 private:
  [[nodiscard]] std::uint64_t task_count() const {
    return parties_.subjects.size() * std::size(kDirections);
  }
  [[nodiscard]] const std::vector<std::uint32_t>& peers_of(const Party& subject) const {
    return subject.is_touched ? all_peers_ : touched_peers_;
  }

  void next_task() {
    while (tasks_left_ > 0) {
      --tasks_left_;
      const std::uint64_t task = walk_.next();
      subject_ = &parties_.subjects[task / 2];
      direction_ = kDirections[task % 2];
      peers_ = &peers_of(*subject_);
      at_ = 0;
      seen_.clear();
      if (peers_->empty()) continue;
      reading_.turn_to(*subject_->party.pod);
      return;
    }
  }

  // False if this peer's whole answer is, in both readers, that of one compared before.
  bool is_new_kind_of_peer() {
    const Party& peer = parties_.peers[(*peers_)[at_]];
    // These have rules of their own, beside the text.
    const bool is_special = peer.must_be_unknown || peer.party.pod == subject_->party.pod;
    if (is_special) return true;
    reading_.write_signature(signature_, direction_, peer.party);
    const std::uint32_t column = peer_class(table_, direction_, peer.identity);
    for (unsigned shift = 0; shift < 32; shift += 8) {
      signature_ += static_cast<char>(column >> shift & 0xff);
    }
    return seen_.insert(signature_).second;
  }

  std::shared_ptr<const model::Cluster> cluster_;
  std::shared_ptr<const compile::CompiledTable> compiled_;
  table::TableView table_;
  Parties parties_;
  std::vector<std::uint32_t> all_peers_;
  std::vector<std::uint32_t> touched_peers_;
  Reading reading_;
  PairCheck pair_;
  Walk walk_;
  std::uint64_t tasks_left_ = 0;

  // The task at hand.
  const Party* subject_ = nullptr;
  Direction direction_ = Direction::Egress;
  const std::vector<std::uint32_t>* peers_ = nullptr;
  std::size_t at_ = 0;
  std::unordered_set<std::string> seen_;
  std::string signature_;

  Report report_;
  std::optional<Error> mismatch_;
};

Sweep::Sweep(std::unique_ptr<State> state) : state_(std::move(state)) {}
Sweep::Sweep(Sweep&&) noexcept = default;
Sweep& Sweep::operator=(Sweep&&) noexcept = default;
Sweep::~Sweep() = default;

Result<Sweep> Sweep::begin(std::shared_ptr<const model::Cluster> cluster,
                           const compile::LocalPods& local,
                           std::shared_ptr<const compile::CompiledTable> compiled,
                           const Scope& scope, std::uint64_t seed) {
  auto table = table::TableView::open(compiled->section_bytes());
  if (!table) return in_context("verify", table.error());
  if (table->revision() != compiled->revision) {
    return fail("verify: the table is of revision {}, not {}", table->revision().value,
                compiled->revision.value);
  }
  auto parties = find_parties(*cluster, local, *compiled, *table, scope);
  if (!parties) return in_context("verify", parties.error());
  return Sweep(std::make_unique<State>(std::move(cluster), std::move(compiled), std::move(*table),
                                       std::move(*parties), seed));
}

Status Sweep::step(const std::function<bool()>& has_time) { return state_->step(has_time); }
const Report& Sweep::report() const { return state_->report(); }
bool Sweep::is_complete() const { return state_->is_complete(); }

}  // namespace bulkhead::verify
