// SPDX-License-Identifier: Apache-2.0
#include "control/apply/plan.h"

namespace bulkhead::control::apply {
namespace {

bool is_wished(const state::Desired& desired, const IpAddress& address) {
  return desired.addresses.contains(address) || desired.node_addresses.contains(address);
}

}  // namespace

std::vector<IpAddress> addresses_to_remove(const state::Desired& desired,
                                           const Acknowledged& acknowledged,
                                           const state::Desired* before) {
  std::vector<IpAddress> removed;
  // An address that moves to another port is taken away first: its old owner must not keep it for
  // the time in between.
  const auto look_at = [&](const IpAddress& address, const AddressEntry& entry) {
    const auto place = desired.addresses.find(address);
    const bool moves = place != desired.addresses.end() && place->second.port != entry.port;
    if (moves || !is_wished(desired, address)) removed.push_back(address);
  };
  const AddressEntries& held = acknowledged.addresses.entries();
  if (before == nullptr) {
    for (const auto& [address, entry] : held) look_at(address, entry);
  } else {
    std::set<IpAddress> differ;
    const auto note = [&differ](const IpAddress& address, const auto&, const auto&) {
      differ.insert(address);
    };
    for_each_difference(before->addresses, desired.addresses, note);
    for (const auto& address : before->node_addresses) {
      if (!desired.node_addresses.contains(address)) differ.insert(address);
    }
    for (const auto& address : differ) {
      if (const auto entry = held.find(address); entry != held.end()) {
        look_at(address, entry->second);
      }
    }
  }
  for (const auto& address : acknowledged.stale) {
    if (!is_wished(desired, address)) removed.push_back(address);
  }
  return removed;
}

AddressPlan plan_addresses(const AddressEntries& wished, const HeldAddresses& held,
                           const HeldPorts& ports) {
  AddressPlan plan{{}, wished};
  std::vector<std::pair<IpAddress, const AddressEntry*>> kept;
  for_each_difference(
      held.entries(), wished,
      [&](const IpAddress& address, const AddressEntry& old, const AddressEntry& now) {
        const bool may_be_missing = now == AddressEntry{};
        const bool is_missing = may_be_missing && !wished.contains(address);
        const bool is_there = now.port.value == 0 || ports.contains(now.port);
        if (!is_missing && is_there) {
          plan.upserts.emplace_back(address, now);
        } else {
          kept.emplace_back(address, held.entries().contains(address) ? &old : nullptr);
        }
      });
  for (const auto& [address, entry] : kept) {
    if (entry == nullptr) {
      plan.after.erase(address);
    } else {
      plan.after.insert_or_assign(address, *entry);
    }
  }
  return plan;
}

std::vector<PortId> ports_to_detach(const PortWishes& wished, const HeldPorts& held) {
  std::vector<PortId> ports;
  for (const auto& [port, generation] : held) {
    if (!wished.contains(port)) ports.push_back(port);
  }
  return ports;
}

std::vector<PortId> ports_to_attach(const PortWishes& wished, const HeldPorts& held) {
  std::vector<PortId> ports;
  for (const auto& [port, wish] : wished) {
    const auto known = held.find(port);
    if (known == held.end() || known->second != wish.message.generation) ports.push_back(port);
  }
  return ports;
}

}  // namespace bulkhead::control::apply
