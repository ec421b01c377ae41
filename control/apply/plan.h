// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "control/state/desired.h"
#include "dataplane/api/messages.h"
#include "policy/base/ids.h"
#include "policy/base/ip.h"
#include "policy/compile/compile.h"

namespace bulkhead::control::apply {

// A port as it ought to be. The descriptors are borrowed from the endpoint's owner; none are needed
// for a port that the data plane already holds.
struct PortWish {
  dataplane::api::AttachPort message;
  std::vector<int> fds;
};
using PortWishes = std::map<PortId, PortWish>;

// An address as the data plane's map holds it.
struct AddressEntry {
  IdentityId identity;
  PortId port;
  bool is_node = false;
  friend bool operator==(const AddressEntry&, const AddressEntry&) = default;
};
using AddressEntries = std::map<IpAddress, AddressEntry>;

// What every worker has acknowledged.
struct Acknowledged {
  Revision revision;
  std::set<std::pair<std::uint32_t, std::uint64_t>> sections;  // (kind, checksum)
  std::map<PortId, std::uint32_t> ports;                       // generation
  AddressEntries addresses;
  // May be in the map from before this agent's time, with what identity nobody knows.
  std::set<IpAddress> stale;
  std::uint32_t epoch = 0;
};

// desired vs acknowledged, in addresses and ports. Pure.
[[nodiscard]] AddressEntries wished_addresses(const state::Desired& desired,
                                              const compile::CompiledTable& table);
[[nodiscard]] std::vector<IpAddress> addresses_to_remove(const state::Desired& desired,
                                                         const Acknowledged& acknowledged);
[[nodiscard]] std::vector<std::pair<IpAddress, AddressEntry>> addresses_to_upsert(
    const AddressEntries& wished, const Acknowledged& acknowledged);
[[nodiscard]] std::vector<PortId> ports_to_detach(const PortWishes& wished,
                                                  const Acknowledged& acknowledged);
[[nodiscard]] std::vector<PortId> ports_to_attach(const PortWishes& wished,
                                                  const Acknowledged& acknowledged);

}  // namespace bulkhead::control::apply
