// SPDX-License-Identifier: Apache-2.0
#include "control/apply/numbers_in_use.h"

#include <map>
#include <string>

namespace bulkhead::control::apply {

std::set<std::uint32_t> identities_of(const compile::CompiledTable& table,
                                      const compile::Numbers& numbers) {
  std::set<std::uint32_t> known;
  for (const auto& key : table.identity_keys) {
    const auto number = numbers.identities().find(key);
    if (number != numbers.identities().end()) known.insert(number->second);
  }
  return known;
}

std::vector<compile::Alias> aliases_for(const compile::CompiledTable& table,
                                        const AddressEntries& acknowledged,
                                        const compile::Numbers& numbers) {
  const auto known = identities_of(table, numbers);
  std::map<IdentityId, std::set<IdentityId>> next;
  for (const auto& item : table.addresses) {
    const auto held = acknowledged.find(item.address);
    if (held == acknowledged.end() || held->second.is_node) continue;
    const IdentityId now = held->second.identity;
    if (now != item.identity && !known.contains(now.value)) next[now].insert(item.identity);
  }
  std::vector<compile::Alias> aliases;
  for (const auto& [retired, successors] : next) {
    if (successors.size() == 1) aliases.push_back({retired, *successors.begin()});
  }
  return aliases;
}

void release_identities(const compile::CompiledTable& table, const AddressEntries& acknowledged,
                        compile::Numbers& numbers) {
  auto used = identities_of(table, numbers);
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
