// SPDX-License-Identifier: Apache-2.0
#include "control/apply/numbers_in_use.h"

#include <algorithm>
#include <map>
#include <string>

namespace bulkhead::control::apply {
namespace {

std::set<std::uint32_t> identities_of(const compile::CompiledTable& table) {
  std::set<std::uint32_t> known;
  for (const auto& [id, key] : table.identity_keys) known.insert(id.value);
  return known;
}

// What the addresses of each identity that the table no longer knows will carry next.
std::map<IdentityId, std::set<IdentityId>> successors_of_retired(
    const compile::CompiledTable& table, const AddressEntries& acknowledged) {
  std::map<IdentityId, std::set<IdentityId>> successors;
  for (const auto& [address, item] : table.addresses) {
    const auto held = acknowledged.find(address);
    if (held == acknowledged.end() || held->second.is_node) continue;
    const IdentityId now = held->second.identity;
    const bool is_retired = now != item.identity && !table.identity_keys.contains(now);
    if (is_retired) successors[now].insert(item.identity);
  }
  return successors;
}

}  // namespace

std::vector<compile::Alias> aliases_for(const compile::CompiledTable& table,
                                        const AddressEntries& acknowledged) {
  std::vector<compile::Alias> aliases;
  for (const auto& [retired, successors] : successors_of_retired(table, acknowledged)) {
    if (successors.size() == 1) aliases.push_back({retired, *successors.begin()});
  }
  return aliases;
}

std::vector<compile::Alias> parting_aliases(const compile::CompiledTable& next,
                                            const compile::CompiledTable& in_force,
                                            const AddressEntries& acknowledged) {
  const auto& known = in_force.identity_keys;
  std::vector<compile::Alias> aliases;
  for (const auto& [retired, successors] : successors_of_retired(next, acknowledged)) {
    const bool is_free = std::none_of(successors.begin(), successors.end(),
                                      [&](IdentityId id) { return known.contains(id); });
    if (successors.size() == 1 || !is_free || !known.contains(retired)) continue;
    for (const auto successor : successors) aliases.push_back({successor, retired});
  }
  return aliases;
}

void release_identities(const compile::CompiledTable& table, const compile::CompiledTable* way_back,
                        const AddressEntries& acknowledged, compile::Numbers& numbers) {
  auto used = identities_of(table);
  if (way_back != nullptr) used.merge(identities_of(*way_back));
  for (const auto& [address, entry] : acknowledged) used.insert(entry.identity.value);
  std::vector<std::string> unused;
  for (const auto& [key, number] : numbers.identities()) {
    if (!used.contains(number)) unused.push_back(key);
  }
  for (const auto& key : unused) numbers.release_identity(key);
}

void release_slots(const compile::CompiledTable& table, compile::Numbers& numbers) {
  const std::set<std::string> used(table.slot_keys.begin(), table.slot_keys.end());
  std::vector<std::string> unused;
  for (const auto& [key, number] : numbers.slots()) {
    if (!used.contains(key)) unused.push_back(key);
  }
  for (const auto& key : unused) numbers.release_slot(key);
}

}  // namespace bulkhead::control::apply
