// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/classes.h"

#include <algorithm>
#include <unordered_map>

#include "policy/compile/vector_hash.h"

namespace bulkhead::compile {
namespace {

// The peer sets that rules of the subjects name in this direction.
std::vector<bool> used_sets(Direction direction, const std::vector<Subject>& subjects,
                            const RuleBook& book, std::size_t set_count) {
  std::vector<bool> used(set_count);
  for (const Subject& subject : subjects) {
    for (const std::uint32_t rule : subject.stance[static_cast<std::size_t>(direction)].rules) {
      for (const std::uint32_t set : book.rule(rule).peer_sets) used[set] = true;
    }
  }
  return used;
}

// For each identity the used sets that hold it, ascending: lists behind one another.
struct Memberships {
  std::vector<std::uint32_t> start;  // by identity, and the end
  std::vector<std::uint32_t> sets;
};

Memberships memberships_of(const std::vector<std::vector<std::uint32_t>>& sets,
                           const std::vector<bool>& used, std::size_t identity_count) {
  Memberships memberships;
  memberships.start.resize(identity_count + 1);
  for (std::size_t set = 0; set < sets.size(); ++set) {
    if (!used[set]) continue;
    for (const std::uint32_t identity : sets[set]) ++memberships.start[identity + 1];
  }
  for (std::size_t i = 0; i < identity_count; ++i) {
    memberships.start[i + 1] += memberships.start[i];
  }
  memberships.sets.resize(memberships.start.back());
  std::vector<std::uint32_t> next(memberships.start.begin(), memberships.start.end() - 1);
  for (std::uint32_t set = 0; set < sets.size(); ++set) {
    if (!used[set]) continue;
    for (const std::uint32_t identity : sets[set]) memberships.sets[next[identity]++] = set;
  }
  return memberships;
}

}  // namespace

std::uint32_t PortLists::number_of(const std::vector<PortOfName>& ports) {
  const auto [found, is_new] =
      numbers_.try_emplace(ports, static_cast<std::uint32_t>(lists_.size()));
  if (is_new) lists_.push_back(ports);
  return found->second;
}

Columns make_columns(Direction direction, const std::vector<Subject>& subjects,
                     const RuleBook& book, const Resolver& resolver, const Identities& identities,
                     const Inventory& inventory, PortLists& port_lists) {
  const auto& sets = resolver.sets();
  const auto used = used_sets(direction, subjects, book, sets.size());
  const auto memberships = memberships_of(sets, used, identities.all.size());

  Columns columns;
  columns.count = kOwnNodeColumn + 1;
  columns.port_list.resize(columns.count);
  columns.of_identity.resize(identities.all.size());
  std::unordered_map<std::vector<std::uint32_t>, std::uint32_t, VectorHash> column_of;
  std::vector<std::uint32_t> signature;
  std::uint32_t group = kNoGroup;
  std::uint32_t ports = 0;
  for (std::size_t i = 0; i < identities.all.size(); ++i) {
    if (identities.all[i].group != group) {
      group = identities.all[i].group;
      // In Egress the peer is the destination, whose named ports count.
      const bool has_named_ports = direction == Direction::Egress && group != kNoGroup;
      ports =
          has_named_ports ? port_lists.number_of(book.ports_of(*inventory.groups[group].pod)) : 0;
    }
    signature.assign(memberships.sets.begin() + memberships.start[i],
                     memberships.sets.begin() + memberships.start[i + 1]);
    signature.push_back(ports);
    const auto [found, is_new] = column_of.try_emplace(signature, columns.count);
    if (is_new) {
      ++columns.count;
      columns.port_list.push_back(ports);
    }
    columns.of_identity[i] = found->second;
  }

  columns.of_set.resize(sets.size());
  for (std::size_t set = 0; set < sets.size(); ++set) {
    if (!used[set]) continue;
    auto& held = columns.of_set[set];
    for (const std::uint32_t identity : sets[set]) {
      const std::uint32_t column = columns.of_identity[identity];
      if (held.empty() || held.back() != column) held.push_back(column);
    }
    std::ranges::sort(held);
    held.erase(std::ranges::unique(held).begin(), held.end());
  }
  return columns;
}

}  // namespace bulkhead::compile
