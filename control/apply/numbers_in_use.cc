// SPDX-License-Identifier: Apache-2.0
#include "control/apply/numbers_in_use.h"

#include <algorithm>
#include <set>

namespace bulkhead::control::apply {

Successors successors_of_retired(const compile::CompiledTable* before, const AddressEntries& wished,
                                 const compile::CompiledTable& next, const HeldAddresses& held) {
  Successors successors;
  if (held.entries().empty()) return successors;
  std::set<IpAddress> differ;
  const auto note = [&differ](const IpAddress& address, const auto&, const auto&) {
    differ.insert(differ.end(), address);
  };
  for_each_difference(before == nullptr ? decltype(next.addresses)() : before->addresses,
                      next.addresses, note);
  for_each_difference(held.entries(), wished, note);
  for (const auto& address : differ) {
    const auto carried = held.entries().find(address);
    const auto known = next.addresses.find(address);
    if (carried == held.entries().end() || known == next.addresses.end()) continue;
    const AddressEntry& entry = carried->second;
    const IdentityId now = known->second.identity;
    if (entry.is_node || entry.identity == now) continue;
    if (next.identity_keys.contains(entry.identity)) continue;
    successors.of_retired[entry.identity].by_identity[now].push_back(address);
  }
  return successors;
}

std::vector<compile::Alias> aliases_for(const Successors& successors) {
  std::vector<compile::Alias> aliases;
  for (const auto& [retired, next] : successors.of_retired) {
    if (next.by_identity.size() == 1) aliases.push_back({retired, next.by_identity.begin()->first});
  }
  return aliases;
}

std::vector<compile::Alias> parting_aliases(const Successors& successors,
                                            const compile::CompiledTable& in_force) {
  const auto& known = in_force.identity_keys;
  std::vector<compile::Alias> aliases;
  for (const auto& [retired, next] : successors.of_retired) {
    const bool is_free = std::ranges::none_of(
        next.by_identity, [&](const auto& item) { return known.contains(item.first); });
    if (next.by_identity.size() == 1 || !is_free || !known.contains(retired)) continue;
    for (const auto& [successor, addresses] : next.by_identity) {
      aliases.push_back({successor, retired});
    }
  }
  return aliases;
}

void release_slots(const compile::CompiledTable& in_force, const compile::CompiledTable* verified,
                   compile::Numbers& numbers) {
  std::set<std::string> used(in_force.slot_keys.begin(), in_force.slot_keys.end());
  if (verified != nullptr) used.insert(verified->slot_keys.begin(), verified->slot_keys.end());
  std::vector<std::string> unused;
  for (const auto& [key, number] : numbers.slots()) {
    if (!used.contains(key)) unused.push_back(key);
  }
  for (const auto& key : unused) numbers.release_slot(key);
}

UnusedIdentities::UnusedIdentities(const compile::Numbers& numbers) {
  for (const auto& [key, number] : numbers.identities()) {
    candidates_.emplace(number, std::make_shared<const std::string>(key));
  }
}

void UnusedIdentities::taken(const compile::Numbers::Change& change) {
  const bool is_new = change.is_taken && change.kind == compile::Numbers::Change::Kind::Identity;
  if (!is_new) return;
  candidates_.insert_or_assign(IdentityId(change.number),
                               std::make_shared<const std::string>(change.key));
}

void UnusedIdentities::replaced(const compile::CompiledTable& before,
                                const compile::CompiledTable& now) {
  for_each_difference(before.identity_keys, now.identity_keys,
                      [&](IdentityId id, const Key& old, const Key& key) {
                        if (key == nullptr) candidates_.insert_or_assign(id, old);
                      });
}

void UnusedIdentities::give_back(const compile::CompiledTable& table,
                                 const std::shared_ptr<const compile::CompiledTable>& way_back,
                                 const HeldAddresses& held, compile::Numbers& numbers) {
  if (way_back_ != way_back) {
    way_back_ = way_back;
    candidates_.merge(in_way_back_);
    in_way_back_.clear();
  }
  for (auto candidate = candidates_.begin(); candidate != candidates_.end();) {
    const auto& [id, key] = *candidate;
    const bool is_carried = held.carriers(id) != 0;
    if (is_carried && !table.identity_keys.contains(id)) {
      ++candidate;
      continue;
    }
    // What the table names becomes a candidate again when it leaves it.
    if (!table.identity_keys.contains(id)) {
      if (way_back != nullptr && way_back->identity_keys.contains(id)) {
        in_way_back_.insert_or_assign(id, key);
      } else {
        numbers.release_identity(*key);
      }
    }
    candidate = candidates_.erase(candidate);
  }
}

}  // namespace bulkhead::control::apply
