// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/classes.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

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

// The numbers of the columns of which these are the first identities.
std::vector<std::uint32_t> number_columns(Direction direction,
                                          std::span<const IdentityId> first_identities,
                                          std::span<const table::IdentityRecord> before) {
  const auto d = static_cast<std::size_t>(direction);
  std::vector<bool> was_used(kOwnNodeColumn + 1, true);
  for (const table::IdentityRecord& record : before) {
    if (record.peer_class[d] >= was_used.size()) was_used.resize(record.peer_class[d] + 1);
    was_used[record.peer_class[d]] = true;
  }
  std::vector<bool> is_taken(was_used.size());
  table::FreeNumbers free(std::move(was_used), kOwnNodeColumn + 1);
  std::vector<std::uint32_t> numbers;
  for (const IdentityId first : first_identities) {
    std::uint32_t number = first.value < before.size() ? before[first.value].peer_class[d] : 0;
    if (number <= kOwnNodeColumn || is_taken[number]) {
      number = free.take();
    } else {
      is_taken[number] = true;
    }
    numbers.push_back(number);
  }
  return numbers;
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
                     const Inventory& inventory, std::span<const table::IdentityRecord> before,
                     PortLists& port_lists) {
  const auto& sets = resolver.sets();
  const auto used = used_sets(direction, subjects, book, sets.size());
  const auto memberships = memberships_of(sets, used, identities.all.size());

  // In order of sight first, then by the numbers they get.
  std::vector<IdentityId> first_identity;
  std::vector<std::uint32_t> port_list;
  std::vector<std::uint32_t> sighted(identities.all.size());
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
    const auto [found, is_new] =
        column_of.try_emplace(signature, static_cast<std::uint32_t>(port_list.size()));
    if (is_new) {
      first_identity.push_back(identities.all[i].id);
      port_list.push_back(ports);
    }
    sighted[i] = found->second;
  }

  Columns columns;
  const auto numbers = number_columns(direction, first_identity, before);
  columns.count = std::max(kOwnNodeColumn, *std::ranges::max_element(numbers)) + 1;
  columns.port_list.resize(columns.count);
  for (std::size_t i = 0; i < numbers.size(); ++i) columns.port_list[numbers[i]] = port_list[i];
  columns.of_identity.reserve(sighted.size());
  for (const std::uint32_t column : sighted) columns.of_identity.push_back(numbers[column]);

  columns.of_set.resize(sets.size());
  std::vector<std::uint32_t> noted_for(columns.count, ~std::uint32_t{0});
  for (std::uint32_t set = 0; set < sets.size(); ++set) {
    if (!used[set]) continue;
    auto& held = columns.of_set[set];
    for (const std::uint32_t identity : sets[set]) {
      const std::uint32_t column = columns.of_identity[identity];
      if (std::exchange(noted_for[column], set) != set) held.push_back(column);
    }
    std::ranges::sort(held);
  }
  return columns;
}

}  // namespace bulkhead::compile
