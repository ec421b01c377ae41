// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "control/apply/held_addresses.h"
#include "control/state/desired.h"
#include "dataplane/api/messages.h"
#include "policy/base/ids.h"
#include "policy/base/ip.h"

namespace bulkhead::control::apply {

// A port as it ought to be. The descriptors are borrowed from the endpoint's owner; none are needed
// for a port that the data plane already holds.
struct PortWish {
  dataplane::api::AttachPort message;
  std::vector<int> fds;
};
using PortWishes = std::map<PortId, PortWish>;

// By port, its generation.
using HeldPorts = std::map<PortId, std::uint32_t>;

// What every worker has acknowledged.
struct Acknowledged {
  Revision revision;
  std::set<std::pair<std::uint32_t, std::uint64_t>> sections;  // (kind, checksum)
  HeldPorts ports;
  HeldAddresses addresses;
  // May be in the map from before this agent's time, with what identity nobody knows.
  std::set<IpAddress> stale;
  std::uint32_t epoch = 0;
};

// Of what is held, what `desired` has no place for any more. `before`: a version that everything
// held fitted; then only what differs since is looked at. Null: everything is.
[[nodiscard]] std::vector<IpAddress> addresses_to_remove(const state::Desired& desired,
                                                         const Acknowledged& acknowledged,
                                                         const state::Desired* before);

// What must be sent so that `wished` is held, as far as its ports are there. What is held and not
// wished stays; what is neither here nor there yet is met again next time.
struct AddressPlan {
  std::vector<std::pair<IpAddress, AddressEntry>> upserts;
  AddressEntries after;  // held when they are acknowledged
};
[[nodiscard]] AddressPlan plan_addresses(const AddressEntries& wished, const HeldAddresses& held,
                                         const HeldPorts& ports);

[[nodiscard]] std::vector<PortId> ports_to_detach(const PortWishes& wished, const HeldPorts& held);
[[nodiscard]] std::vector<PortId> ports_to_attach(const PortWishes& wished, const HeldPorts& held);

}  // namespace bulkhead::control::apply
