// SPDX-License-Identifier: Apache-2.0
#include "control/apply/wished_addresses.h"

#include <set>
#include <utility>

namespace bulkhead::control::apply {

void WishedAddresses::follow(const InForce& now) {
  const InForce before = std::exchange(version_, now);
  std::set<IpAddress> differ;
  const auto note = [&differ](const IpAddress& address, const auto&, const auto&) {
    differ.insert(differ.end(), address);
  };
  for_each_difference(before.desired->addresses, now.desired->addresses, note);
  for_each_difference(before.table->addresses, now.table->addresses, note);
  differ.insert(before.desired->node_addresses.begin(), before.desired->node_addresses.end());
  differ.insert(now.desired->node_addresses.begin(), now.desired->node_addresses.end());
  for (const auto& address : differ) settle(address);
}

void WishedAddresses::settle(const IpAddress& address) {
  const auto known = version_.table->addresses.find(address);
  const auto place = version_.desired->addresses.find(address);
  const bool is_known = known != version_.table->addresses.end() &&
                        place != version_.desired->addresses.end() &&
                        place->second.pod == known->second.pod;
  AddressEntry entry;
  if (is_known) {
    entry = {known->second.identity, place->second.port, false};
  } else if (version_.desired->node_addresses.contains(address)) {
    entry = {kOwnNodeIdentity, PortId{}, true};
  } else {
    entries_.erase(address);
    return;
  }
  const auto before = entries_.find(address);
  if (before == entries_.end() || before->second != entry)
    entries_.insert_or_assign(address, entry);
}

AddressEntries WishedAddresses::that_stay(const state::Desired& desired) const {
  AddressEntries staying = entries_;
  for_each_difference(version_.desired->addresses, desired.addresses,
                      [&](const IpAddress& address, const auto&, const auto&) {
                        const auto known = entries_.find(address);
                        const bool is_pod = known != entries_.end() && !known->second.is_node;
                        if (is_pod) staying.erase(address);
                      });
  for (const auto& address : version_.desired->node_addresses) {
    if (!desired.node_addresses.contains(address)) staying.erase(address);
  }
  return staying;
}

}  // namespace bulkhead::control::apply
