// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/api/messages.h"
#include "dataplane/api/server/tables.h"
#include "dataplane/api/validate.h"
#include "dataplane/port/ethdev.h"
#include "dataplane/publish/address_map.h"
#include "dataplane/publish/publisher.h"
#include "dataplane/worker/loop.h"
#include "policy/base/fd.h"

namespace bulkhead::dataplane {

// The largest supported cluster of Kubernetes, 150,000 pods on 5,000 nodes, with an address of each
// family, and room for the new before the old are gone. Costs memory only where used.
inline constexpr std::size_t kMaxAddresses = 524288;

using Outcome = tl::expected<void, api::Invalid>;

// What the agent asked for and the data plane keeps when the agent goes: ports, addresses, table.
// Every change is complete, and seen by every worker, when its function returns; one that fails has
// changed nothing. Thread: control.
class Keeper {
 public:
  struct Parts {
    Publisher* publisher = nullptr;
    AddressMap* addresses = nullptr;
    std::vector<Worker*> workers;
    std::vector<const EthdevPort*> ethdevs;
  };
  explicit Keeper(Parts parts) : parts_(std::move(parts)) {}

  [[nodiscard]] Outcome attach(const api::AttachPort& wanted, std::vector<Fd> fds);
  [[nodiscard]] Outcome detach(const api::DetachPort& wanted);
  [[nodiscard]] Outcome upsert(std::span<const api::AddressUpdate> updates);
  [[nodiscard]] Outcome remove(std::span<const api::WireAddress> addresses);
  [[nodiscard]] Outcome publish(Revision revision, std::span<const api::SectionRef> sections,
                                std::vector<Fd> fds);
  [[nodiscard]] Outcome configure(const api::Configure& wanted);

  // A worker saw the device go. Gives what to tell the agent; nothing when it was told before.
  [[nodiscard]] std::optional<api::PortClosed> close_vanished(PortId port, std::uint32_t generation,
                                                              int error_number);
  // The same for devices whose end no worker has seen (tap_check.h says why).
  [[nodiscard]] std::vector<api::PortClosed> close_cut_off();

  struct Held {
    api::AttachPort attached;
    std::vector<int> fds;  // borrowed
  };
  [[nodiscard]] std::vector<Held> held_ports() const;

  [[nodiscard]] Revision revision() const { return parts_.publisher->current().revision; }
  [[nodiscard]] Epoch epoch() const { return parts_.addresses->epoch(); }
  [[nodiscard]] std::size_t workers() const { return parts_.workers.size(); }

 private:
  struct Port {
    api::AttachPort attached;
    std::vector<Fd> fds;
  };

  [[nodiscard]] Outcome check_role(const api::AttachPort& wanted) const;
  [[nodiscard]] const EthdevPort* ethdev_named(const char* name) const;
  [[nodiscard]] Outcome replace_in_place(Port& port, const api::AttachPort& wanted);
  [[nodiscard]] Status connect(const api::AttachPort& wanted, const std::vector<Fd>& fds,
                               const EthdevPort* ethdev);
  void disconnect(PortId port);
  void publish_endpoint(const api::AttachPort& attached);
  void withdraw_endpoint(PortId port);
  [[nodiscard]] std::unique_ptr<Snapshot> copy_of_current() const;

  Parts parts_;
  std::map<std::uint32_t, Port> ports_;
  std::shared_ptr<const LoadedTable> table_;
};

}  // namespace bulkhead::dataplane
