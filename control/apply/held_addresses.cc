// SPDX-License-Identifier: Apache-2.0
#include "control/apply/held_addresses.h"

#include <utility>

namespace bulkhead::control::apply {

std::size_t HeldAddresses::carriers(IdentityId identity) const {
  const auto known = carriers_.find(identity);
  return known == carriers_.end() ? 0 : known->second;
}

std::vector<IpAddress> HeldAddresses::at(PortId port) const {
  const auto known = of_port_.find(port);
  if (known == of_port_.end()) return {};
  return {known->second.begin(), known->second.end()};
}

void HeldAddresses::count(const IpAddress& address, const AddressEntry& entry) {
  ++carriers_[entry.identity];
  if (entry.port.value != 0) of_port_[entry.port].insert(address);
}

void HeldAddresses::discount(const IpAddress& address, const AddressEntry& entry) {
  const auto carriers = carriers_.find(entry.identity);
  if (--carriers->second == 0) carriers_.erase(carriers);
  if (entry.port.value == 0) return;
  const auto addresses = of_port_.find(entry.port);
  addresses->second.erase(address);
  if (addresses->second.empty()) of_port_.erase(addresses);
}

void HeldAddresses::put(const IpAddress& address, const AddressEntry& entry) {
  const auto known = entries_.find(address);
  if (known != entries_.end()) discount(address, known->second);
  entries_.insert_or_assign(address, entry);
  count(address, entry);
}

void HeldAddresses::erase(const IpAddress& address) {
  const auto known = entries_.find(address);
  if (known == entries_.end()) return;
  discount(address, known->second);
  entries_.erase(known);
}

void HeldAddresses::become(AddressEntries next) {
  for_each_difference(entries_, next,
                      [&](const IpAddress& address, const auto& old, const auto& now) {
                        // What is missing looks like an address of the unknown identity.
                        if (old != AddressEntry{} || entries_.contains(address)) {
                          discount(address, old);
                        }
                        if (now != AddressEntry{} || next.contains(address)) count(address, now);
                      });
  entries_ = std::move(next);
}

}  // namespace bulkhead::control::apply
