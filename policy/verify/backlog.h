// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "policy/base/verdict.h"
#include "policy/verify/parties.h"

namespace bulkhead::verify {

// One subject in one direction, to be asked about every peer.
struct Task {
  PartyId subject = 0;
  Direction direction = Direction::Egress;
  friend bool operator==(const Task&, const Task&) = default;
};

// Which pairs were not compared yet. A pair that is not in here was, and neither the text nor the
// bytes that answer it have changed since. Knows nothing of answers.
class Backlog {
 public:
  // Begins at the first peer (again). The text's changes come before what only the bytes show.
  enum class Cause : std::uint8_t { Text, Bytes };
  void add(const Task& task, Cause cause);
  // With every subject.
  void add_peer(PartyId peer) { peers_.push_back(peer); }
  // In both directions.
  void add_pair(PartyId subject, PartyId peer);
  void remove(PartyId gone);
  // To be called when all is added: what came in goes before all that was left before.
  // `seed`: where the tasks of a version begin.
  void arrange(const Parties& parties, std::uint64_t seed);
  // What is left of the present change is no more urgent than the rest.
  void put_off();

  struct Pair {
    Task task;
    PartyId peer = 0;
  };
  // What to go on with: pairs, then single peers, then tasks. Null when there are none.
  [[nodiscard]] const Pair* pair() const { return pairs_.empty() ? nullptr : &pairs_.front(); }
  void finish_pair() { pairs_.pop_front(); }
  // A peer with the next subject that is not to be asked about every peer anyway.
  [[nodiscard]] std::optional<Pair> peer_with_subject(const Parties& parties);
  void finish_peer_with_subject() { ++peer_progress_; }
  [[nodiscard]] const Task* task();
  // The peer that a task goes on with; the end when it is done.
  [[nodiscard]] PartyId next_of(const Task& task) const { return next_[index_of(task)]; }
  void go_on(const Task& task, PartyId next) { next_[index_of(task)] = next; }
  void finish_task();

  [[nodiscard]] bool is_empty() const { return pairs_.empty() && peers_.empty() && tasks_.empty(); }
  [[nodiscard]] bool has_urgent() const {
    return urgent_ > 0 || ((!pairs_.empty() || !peers_.empty()) && !is_put_off_);
  }
  // Pairs in here; one may be counted twice.
  [[nodiscard]] std::uint64_t urgent_pairs(const Parties& parties) const;
  [[nodiscard]] std::uint64_t all_pairs(const Parties& parties) const;

  static constexpr PartyId kDone = 0xffffffff;

 private:
  [[nodiscard]] static std::size_t index_of(const Task& task) {
    return std::size_t{task.subject} * 2 + static_cast<std::size_t>(task.direction);
  }
  [[nodiscard]] std::uint64_t pairs_of_tasks(const Parties& parties, std::size_t tasks) const;
  [[nodiscard]] std::uint64_t pairs_of_peers(const Parties& parties) const;

  std::vector<PartyId> next_;             // by index_of()
  std::array<std::vector<Task>, 2> new_;  // since arrange(), by Cause
  std::deque<Task> tasks_;
  std::size_t urgent_ = 0;  // so many at the front of tasks_
  std::deque<PartyId> peers_;
  std::size_t peer_progress_ = 0;  // of the first, in this version: subjects and directions
  std::deque<Pair> pairs_;
  bool is_put_off_ = false;
};

}  // namespace bulkhead::verify
