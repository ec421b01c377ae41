// SPDX-License-Identifier: Apache-2.0
#include "control/apply/plan.h"

namespace bulkhead::control::apply {

AddressEntries wished_addresses(const state::Desired& desired,
                                const compile::CompiledTable& table) {
  AddressEntries entries;
  for (const auto& [address, item] : table.addresses) {
    const auto place = desired.addresses.find(address);
    if (place == desired.addresses.end() || place->second.pod != item.pod) continue;
    entries.emplace(address, AddressEntry{item.identity, place->second.port, false});
  }
  for (const auto& address : desired.node_addresses) {
    entries.emplace(address, AddressEntry{kOwnNodeIdentity, PortId{}, true});
  }
  return entries;
}

std::vector<IpAddress> addresses_to_remove(const state::Desired& desired,
                                           const Acknowledged& acknowledged) {
  std::vector<IpAddress> removed;
  const auto is_wished = [&desired](const IpAddress& address) {
    return desired.addresses.contains(address) || desired.node_addresses.contains(address);
  };
  // An address that moves to another port is taken away first: its old owner must not keep it for
  // the time in between.
  for (const auto& [address, entry] : acknowledged.addresses) {
    const auto place = desired.addresses.find(address);
    const bool moves = place != desired.addresses.end() && place->second.port != entry.port;
    if (!is_wished(address) || moves) removed.push_back(address);
  }
  for (const auto& address : acknowledged.stale) {
    if (!is_wished(address)) removed.push_back(address);
  }
  return removed;
}

std::vector<std::pair<IpAddress, AddressEntry>> addresses_to_upsert(
    const AddressEntries& wished, const Acknowledged& acknowledged) {
  std::vector<std::pair<IpAddress, AddressEntry>> upserts;
  for (const auto& [address, entry] : wished) {
    if (entry.port.value != 0 && !acknowledged.ports.contains(entry.port)) continue;
    const auto known = acknowledged.addresses.find(address);
    if (known == acknowledged.addresses.end() || known->second != entry) {
      upserts.emplace_back(address, entry);
    }
  }
  return upserts;
}

std::vector<PortId> ports_to_detach(const PortWishes& wished, const Acknowledged& acknowledged) {
  std::vector<PortId> ports;
  for (const auto& [port, generation] : acknowledged.ports) {
    if (!wished.contains(port)) ports.push_back(port);
  }
  return ports;
}

std::vector<PortId> ports_to_attach(const PortWishes& wished, const Acknowledged& acknowledged) {
  std::vector<PortId> ports;
  for (const auto& [port, wish] : wished) {
    const auto known = acknowledged.ports.find(port);
    if (known == acknowledged.ports.end() || known->second != wish.message.generation) {
      ports.push_back(port);
    }
  }
  return ports;
}

}  // namespace bulkhead::control::apply
