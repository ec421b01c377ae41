// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/backlog.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace bulkhead::verify {
namespace {

// With more single peers than these, going over all peers of every subject costs less.
constexpr std::size_t kManyPeers = 256;

}  // namespace

void Backlog::add(const Task& task, Cause cause) {
  if (next_.size() <= index_of(task)) next_.resize(index_of(task) + 1, kDone);
  next_[index_of(task)] = 0;
  new_[static_cast<std::size_t>(cause)].push_back(task);
}

void Backlog::add_pair(PartyId subject, PartyId peer) {
  for (const Direction direction : kDirections) pairs_.push_back({{subject, direction}, peer});
}

void Backlog::remove(PartyId gone) {
  for (const Direction direction : kDirections) {
    const std::size_t index = index_of({gone, direction});
    if (index < next_.size()) next_[index] = kDone;
  }
  std::erase(peers_, gone);
  std::erase_if(pairs_,
                [&](const Pair& pair) { return pair.task.subject == gone || pair.peer == gone; });
}

void Backlog::arrange(const Parties& parties, std::uint64_t seed) {
  next_.resize(std::size_t{parties.size()} * 2, kDone);
  peer_progress_ = 0;
  if (peers_.size() > kManyPeers) {
    peers_.clear();
    for (const PartyId id : parties.subjects()) {
      for (const Direction direction : kDirections) add({id, direction}, Cause::Bytes);
    }
  }
  const std::deque<Task> left = std::exchange(tasks_, {});
  std::vector<bool> is_there(next_.size());
  const auto take = [&](const Task& task) {
    const std::size_t index = index_of(task);
    if (is_there[index] || next_[index] == kDone || !parties.is_subject(task.subject)) return;
    is_there[index] = true;
    tasks_.push_back(task);
  };
  for (auto& tasks : new_) {
    // Those of one kind and direction read the text alike.
    std::ranges::sort(tasks, {}, [&](const Task& task) {
      return std::tuple(parties[task.subject].kind, task.direction, task.subject);
    });
    const std::size_t first = tasks.empty() ? 0 : seed % tasks.size();
    std::rotate(tasks.begin(), tasks.begin() + static_cast<std::ptrdiff_t>(first), tasks.end());
    std::ranges::for_each(tasks, take);
    tasks.clear();
  }
  const std::size_t urgent = tasks_.size();
  std::size_t left_urgent = urgent_;
  urgent_ = urgent;
  for (const Task& task : left) {
    take(task);
    if (left_urgent > 0) --left_urgent, urgent_ = tasks_.size();
  }
  is_put_off_ = false;
}

void Backlog::put_off() {
  urgent_ = 0;
  is_put_off_ = true;
}

std::optional<Backlog::Pair> Backlog::peer_with_subject(const Parties& parties) {
  while (!peers_.empty()) {
    const PartyId peer = peers_.front();
    const auto& subjects = parties.subjects();
    for (; peer_progress_ < subjects.size() * 2; ++peer_progress_) {
      const Task task{subjects[peer_progress_ / 2], kDirections[peer_progress_ % 2]};
      const bool is_asked_anyway = next_of(task) <= peer;
      if (!is_asked_anyway) return Pair{task, peer};
    }
    peers_.pop_front();
    peer_progress_ = 0;
  }
  return std::nullopt;
}

const Task* Backlog::task() {
  while (!tasks_.empty() && next_of(tasks_.front()) == kDone) finish_task();
  return tasks_.empty() ? nullptr : &tasks_.front();
}

void Backlog::finish_task() {
  go_on(tasks_.front(), kDone);
  tasks_.pop_front();
  if (urgent_ > 0) --urgent_;
}

std::uint64_t Backlog::pairs_of_tasks(const Parties& parties, std::size_t tasks) const {
  std::uint64_t pairs = 0;
  for (std::size_t i = 0; i < tasks; ++i) {
    const PartyId next = next_of(tasks_[i]);
    if (next < parties.size()) pairs += parties.size() - next;
  }
  return pairs;
}

std::uint64_t Backlog::pairs_of_peers(const Parties& parties) const {
  return peers_.size() * parties.subjects().size() * 2 + pairs_.size();
}

std::uint64_t Backlog::urgent_pairs(const Parties& parties) const {
  return pairs_of_tasks(parties, urgent_) + (is_put_off_ ? 0 : pairs_of_peers(parties));
}

std::uint64_t Backlog::all_pairs(const Parties& parties) const {
  return pairs_of_tasks(parties, tasks_.size()) + pairs_of_peers(parties);
}

}  // namespace bulkhead::verify
