// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "policy/verify/state.h"
#include "policy/verify/table_cuts.h"

namespace bulkhead::verify {
namespace {

// Passing a pair takes a few nanoseconds: the clock is asked every some thousand of them.
constexpr PartyId kPeersBetweenClocks = 8192;
// Of kinds of subjects: for a node's pods by far enough.
constexpr std::size_t kMaxReadings = 4096;
constexpr std::uint32_t kNoRuleSet = 0xffffffff;

}  // namespace

Status Verifier::State::step(const std::function<bool()>& has_time, Until until) {
  if (mismatch_) return tl::unexpected(*mismatch_);
  const auto has_more = [&] {
    return until == Until::EverythingIsChecked ? !backlog_.is_empty() : backlog_.has_urgent();
  };
  while (has_more()) {
    if (auto ok = advance(); !ok) {
      mismatch_ = ok.error();
      return ok;
    }
    if (has_time && !has_time()) break;
  }
  return {};
}

Status Verifier::State::advance() {
  if (const auto* pair = backlog_.pair()) {
    if (auto ok = check_pair(*pair); !ok) return ok;
    backlog_.finish_pair();
    return {};
  }
  if (const auto pair = backlog_.peer_with_subject(*parties_)) {
    if (auto ok = check_pair(*pair); !ok) return ok;
    backlog_.finish_peer_with_subject();
    return {};
  }
  const Task* task = backlog_.task();
  return task != nullptr ? advance_task(*task) : Status{};
}

Status Verifier::State::check_pair(const Backlog::Pair& pair) {
  const auto& [task, peer] = pair;
  if (!parties_->is_subject(task.subject) || !parties_->is_somebody(peer)) return {};
  bool has_compared = false;
  Reading& reading = reading_of(task.subject);
  const auto& identities = parties_->identities();
  const std::uint32_t rule_set =
      rule_set_of(opened_->view, task.direction, identities[task.subject], identities[peer]);
  return check_class(task, peer, reading.class_of(task.direction, *parties_, peer), rule_set,
                     reading, has_compared);
}

Status Verifier::State::advance_task(const Task& task) {
  begin(task);
  Reading& reading = reading_of(task.subject);
  const auto& flags = parties_->flags();
  const auto& columns = columns_[static_cast<std::size_t>(task.direction)];
  const PartyId first = backlog_.next_of(task);
  const PartyId end = std::min(parties_->size(), first + kPeersBetweenClocks);
  for (PartyId peer = first; peer < end; ++peer) {
    const Reading::Class peer_class = classes_.of[peer];
    const std::uint32_t rule_set = row_[columns[peer]];
    if (flags[peer] == 0 || seen_[peer_class] == rule_set) continue;
    bool has_compared = false;
    if (auto ok = check_class(task, peer, peer_class, rule_set, reading, has_compared); !ok) {
      backlog_.go_on(task, peer);
      return ok;
    }
    // What one pod says to itself tells nothing of others of its class.
    if (parties_->are_two(task.subject, peer)) seen_[peer_class] = rule_set;
    if (has_compared) {
      backlog_.go_on(task, peer + 1);
      if (peer + 1 == parties_->size()) backlog_.finish_task();
      return {};
    }
  }
  backlog_.go_on(task, end);
  if (end == parties_->size()) backlog_.finish_task();
  return {};
}

// The pair's answer is, in both readers, that of one compared before; or it is compared now.
Status Verifier::State::check_class(const Task& task, PartyId peer, Reading::Class peer_class,
                                    std::uint32_t rule_set, Reading& reading, bool& has_compared) {
  const PartyFlags subject = parties_->flags()[task.subject];
  const std::uint32_t stamp = stamps_[rule_set];
  if (reading.was_compared(task.direction, subject, peer_class, rule_set, stamp)) return {};
  if (!parties_->are_two(task.subject, peer)) return {};
  ++compared_;
  has_compared = true;
  auto ok = opened_->check.check(reading.narrowed_to((*parties_)[peer]), task.direction,
                                 (*parties_)[task.subject], (*parties_)[peer]);
  if (ok) reading.note_compared(task.direction, subject, peer_class, rule_set, stamp);
  return ok;
}

Reading& Verifier::State::reading_of(PartyId subject) {
  const std::uint32_t kind = *(*parties_)[subject].kind;
  auto found = readings_.find(kind);
  if (found == readings_.end()) {
    if (readings_.size() >= kMaxReadings) {
      readings_.clear();
      begun_.reset();
      classified_.reset();
    }
    const model::Pod& pod = *(*parties_)[subject].party.pod;
    found =
        readings_.emplace(kind, Kept{Reading(*checked_.cluster, pod, written_), version_}).first;
  }
  auto& [reading, version] = found->second;
  if (std::exchange(version, version_) != version_) reading.turn_to(*checked_.cluster);
  return reading;
}

// Lays out the rule sets of the subject's row and the classes of all peers.
void Verifier::State::begin(const Task& task) {
  if (begun_ == task) return;
  const table::TableView& view = opened_->view;
  const auto d = static_cast<std::size_t>(task.direction);
  const auto& identities = view.identities();
  // An identity that the table does not know is nobody.
  const auto known = [&](IdentityId identity) {
    return identity.value < identities.size() ? identity.value : kUnknownIdentity.value;
  };
  auto& columns = columns_[d];
  if (columns.empty()) {
    columns.reserve(parties_->size());
    for (const IdentityId identity : parties_->identities()) {
      columns.push_back(identities[known(identity)].peer_class[d]);
    }
  }
  const std::uint32_t subject = known(parties_->identities()[task.subject]);
  const std::uint32_t row = identities[subject].subject_class[d];
  const std::uint32_t stride = view.row_stride(task.direction);
  row_.clear();
  for (std::uint32_t i = 0; i < stride; ++i) {
    const auto& cells = view.blocks()[view.rows(task.direction)[row * stride + i]].rule_set;
    row_.insert(row_.end(), cells.begin(), cells.end());
  }
  Reading& reading = reading_of(task.subject);
  const auto kind = *(*parties_)[task.subject].kind;
  if (classified_ != std::pair(kind, task.direction)) {
    reading.classify(task.direction, *parties_, classes_);
    classified_ = {kind, task.direction};
  }
  seen_.assign(reading.class_count(task.direction), kNoRuleSet);
  begun_ = task;
}

}  // namespace bulkhead::verify
