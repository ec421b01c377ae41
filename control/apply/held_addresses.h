// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include "policy/base/ids.h"
#include "policy/base/ip.h"
#include "policy/model/shared_map.h"

namespace bulkhead::control::apply {

// An address as the data plane's map holds it.
struct AddressEntry {
  IdentityId identity;
  PortId port;
  bool is_node = false;
  friend bool operator==(const AddressEntry&, const AddressEntry&) = default;
};
using AddressEntries = model::SharedMap<IpAddress, AddressEntry>;

// The addresses that every worker has acknowledged, and who carries what. A change costs what
// differs. Thread: the control thread.
class HeldAddresses {
 public:
  [[nodiscard]] const AddressEntries& entries() const { return entries_; }
  // How many addresses carry an identity.
  [[nodiscard]] std::size_t carriers(IdentityId identity) const;
  // Those at a port of this node.
  [[nodiscard]] std::vector<IpAddress> at(PortId port) const;

  void put(const IpAddress& address, const AddressEntry& entry);
  void erase(const IpAddress& address);
  // Shares with `next` from here on, so that what differs the next time is found by what changed.
  void become(AddressEntries next);

 private:
  void count(const IpAddress& address, const AddressEntry& entry);
  void discount(const IpAddress& address, const AddressEntry& entry);

  AddressEntries entries_;
  std::unordered_map<IdentityId, std::size_t> carriers_;
  std::map<PortId, std::set<IpAddress>> of_port_;  // of this node's ports
};

}  // namespace bulkhead::control::apply
