// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/sweep.h"

#include <numeric>
#include <unordered_set>

#include "policy/verify/cuts.h"
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

// What addresses of no pod are, by the table.
bool have_same_tries(const compile::CompiledTable& one, const compile::CompiledTable& other) {
  const auto tries_of = [](const compile::CompiledTable& compiled) {
    std::vector<std::pair<std::uint32_t, std::uint64_t>> names;
    for (const auto& section : compiled.sections) {
      const auto kind = static_cast<table::SectionKind>(section.kind & 0xffu);
      if (kind >= table::SectionKind::TrieNodes4)
        names.emplace_back(section.kind, section.checksum);
    }
    return names;
  };
  return tries_of(one) == tries_of(other);
}

}  // namespace

// One task is a subject in one direction; its peers are all, or those that the scope touches.
class Sweep::State {
 public:
  State(Checked checked, table::TableView table, std::shared_ptr<const Parties> parties,
        const Scope& scope, std::uint64_t seed)
      : checked_(std::move(checked)),
        table_(std::move(table)),
        parties_(std::move(parties)),
        directions_(scope.directions),
        touched_(touched_by(scope, *checked_.cluster, table_, *parties_)),
        reading_(*checked_.cluster, *parties_),
        pair_(*checked_.compiled, table_),
        walk_(task_count(), seed) {
    for (std::uint64_t task = 0; task < task_count(); ++task) report_.pairs += peer_count(task);
    tasks_left_ = task_count();
    next_task();
  }

  Status step(const std::function<bool()>& has_time) {
    if (mismatch_) return tl::unexpected(*mismatch_);
    while (!is_complete()) {
      bool asks_clock = report_.checked % kPeersBetweenClocks == 0;
      const Party& peer = peer_at_hand();
      if (is_new_kind(peer)) {
        ++report_.compared;
        const Status same = pair_.check(reading_.narrowed(), direction_, *subject_, peer);
        report_.questions = pair_.questions();
        if (!same) {
          mismatch_ = in_context("verify", same.error()).value();
          return tl::unexpected(*mismatch_);
        }
        asks_clock = true;
      }
      ++report_.checked;
      if (++at_ == count_) next_task();
      if (asks_clock && has_time && !has_time()) break;
    }
    return {};
  }

  [[nodiscard]] const Report& report() const { return report_; }
  [[nodiscard]] bool is_complete() const { return !mismatch_ && report_.is_complete(); }

 private:
  [[nodiscard]] std::uint64_t task_count() const {
    return parties_->subjects.size() * std::size(kDirections);
  }
  [[nodiscard]] bool has_every_peer(std::uint64_t task) const {
    return touched_.subjects[task / 2] && directions_[task % 2];
  }
  [[nodiscard]] std::size_t peer_count(std::uint64_t task) const {
    const std::size_t known = has_every_peer(task) ? parties_->peers.size() : touched_.peers.size();
    return known + touched_.more_peers.size();
  }

  void next_task() {
    while (tasks_left_ > 0) {
      --tasks_left_;
      const std::uint64_t task = walk_.next();
      count_ = peer_count(task);
      if (count_ == 0) continue;
      subject_ = &parties_->subjects[task / 2].party;
      direction_ = kDirections[task % 2];
      has_every_peer_ = has_every_peer(task);
      at_ = 0;
      seen_.clear();
      reading_.turn_to(*subject_->party.pod, count_);
      return;
    }
  }

  // The scope's own peers last.
  [[nodiscard]] const Party& peer_at_hand() const {
    const std::size_t known = count_ - touched_.more_peers.size();
    if (at_ >= known) return touched_.more_peers[at_ - known];
    return parties_->peers[has_every_peer_ ? at_ : touched_.peers[at_]];
  }

  // False if this peer's whole answer is, in both readers, that of one compared before.
  bool is_new_kind(const Party& peer) {
    // These have rules of their own, beside the text.
    const bool is_special = peer.must_be_unknown || peer.party.pod == subject_->party.pod;
    if (is_special) return true;
    reading_.write_signature(signature_, direction_, peer);
    const std::uint32_t set = rule_set_of(table_, direction_, subject_->identity, peer.identity);
    for (unsigned shift = 0; shift < 32; shift += 8) {
      signature_ += static_cast<char>(set >> shift & 0xff);
    }
    return seen_.insert(signature_).second;
  }

  Checked checked_;
  table::TableView table_;
  std::shared_ptr<const Parties> parties_;
  std::array<bool, 2> directions_;
  Touched touched_;
  Reading reading_;
  PairCheck pair_;
  Walk walk_;
  std::uint64_t tasks_left_ = 0;

  // The task at hand.
  const Party* subject_ = nullptr;
  Direction direction_ = Direction::Egress;
  bool has_every_peer_ = false;
  std::size_t count_ = 0;
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
  return Verifier().begin({std::move(cluster), local, std::move(compiled)}, scope, seed);
}

Status Sweep::step(const std::function<bool()>& has_time) { return state_->step(has_time); }
const Report& Sweep::report() const { return state_->report(); }
bool Sweep::is_complete() const { return state_->is_complete(); }

// The parties of a table are those of another one when nothing differs that they are made of.
bool Verifier::fits(const Checked& now) const {
  if (!parties_) return false;
  const Checked& old = *last_;
  bool differs = old.cluster->settings != now.cluster->settings || old.local != now.local ||
                 old.compiled->addresses != now.compiled->addresses ||
                 old.compiled->pods != now.compiled->pods ||
                 !have_same_tries(*old.compiled, *now.compiled);
  const auto note = [&](const auto&, const auto&, const auto&) { differs = true; };
  for_each_difference(old.cluster->namespaces, now.cluster->namespaces, note);
  for_each_difference(old.cluster->pods, now.cluster->pods, note);
  if (differs) return false;
  bool moves_bounds = false;
  for_each_difference(old.cluster->policies, now.cluster->policies,
                      [&](const auto&, const auto& before, const auto& after) {
                        moves_bounds = moves_bounds || prefixes_of(before) != prefixes_of(after);
                      });
  return !moves_bounds || AddressCuts(*now.cluster).starts() == parties_->cuts;
}

Result<Sweep> Verifier::begin(const Checked& now, const Scope& scope, std::uint64_t seed) {
  auto table = table::TableView::open(now.compiled->section_bytes());
  if (!table) return in_context("verify", table.error());
  if (table->revision() != now.compiled->revision) {
    return fail("verify: the table is of revision {}, not {}", table->revision().value,
                now.compiled->revision.value);
  }
  if (!fits(now)) {
    parties_.reset();
    auto parties = find_parties(*now.cluster, now.local, *now.compiled, *table);
    if (!parties) return in_context("verify", parties.error());
    parties_ = std::make_shared<const Parties>(std::move(*parties));
  }
  last_ = now;
  return Sweep(std::make_unique<Sweep::State>(now, std::move(*table), parties_, scope, seed));
}

}  // namespace bulkhead::verify
