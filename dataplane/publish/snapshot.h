// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/api/messages.h"
#include "policy/base/ids.h"
#include "policy/base/ip.h"
#include "policy/table/view.h"

namespace bulkhead::dataplane {

class AddressMap;

using MacAddress = std::array<std::uint8_t, 6>;

// Who is at a port. Immutable; a change makes a new one with a higher generation.
struct Endpoint {
  EndpointId id;
  PortId port;
  std::uint32_t generation = 0;
  api::PortRole role = api::PortRole::Pod;
  std::uint16_t mtu = 0;
  MacAddress mac{};
  MacAddress gateway_mac{};
  std::uint16_t address_count = 0;
  std::array<IpAddress, api::kMaxAddressesPerPort> addresses{};
};

// Everything a burst needs to know, read once per burst through one pointer. `const` for ever once
// published. Built by the control thread; freed by it after every worker has passed a quiescent
// state.
struct Snapshot {
  std::shared_ptr<const table::TableView> table;  // null: no table yet, everything is closed
  Revision revision;
  bool reevaluate_established = true;
  bool reset_cut = false;
  PortId node_port;     // 0 = none
  PortId outside_port;  // 0 = none
  // By PortId::value; null where no port is attached.
  std::vector<std::shared_ptr<const Endpoint>> endpoints;
  // Incremental and shared by all snapshots: readers see single-record changes at once, each of
  // them followed by a rise of the epoch (address_map.h).
  const AddressMap* addresses = nullptr;

  [[nodiscard]] const Endpoint* endpoint_at(PortId port) const {
    return port.value < endpoints.size() ? endpoints[port.value].get() : nullptr;
  }
};

}  // namespace bulkhead::dataplane
