// SPDX-License-Identifier: Apache-2.0
#include "dataplane/api/server/keeper.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <string_view>

#include "dataplane/api/server/log.h"
#include "dataplane/api/server/tap_check.h"

namespace bulkhead::dataplane {
namespace {

template <class... Args>
tl::unexpected<api::Invalid> refuse(fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected(api::Invalid{api::AckCode::Refused,
                                     Error{fmt::format(format, std::forward<Args>(args)...), {}}});
}

std::shared_ptr<const Endpoint> endpoint_of(const api::AttachPort& attached) {
  auto endpoint = std::make_shared<Endpoint>();
  endpoint->id = EndpointId{attached.endpoint};
  endpoint->port = PortId{attached.port};
  endpoint->generation = attached.generation;
  endpoint->role = attached.role;
  endpoint->mtu = attached.mtu;
  std::memcpy(endpoint->mac.data(), attached.mac, sizeof attached.mac);
  std::memcpy(endpoint->gateway_mac.data(), attached.gateway_mac, sizeof attached.gateway_mac);
  endpoint->address_count = attached.address_count;
  for (std::size_t i = 0; i < attached.address_count; ++i) {
    endpoint->addresses[i] = api::from_wire(attached.addresses[i]);
  }
  return endpoint;
}

void clear_role(Snapshot& snapshot, PortId port) {
  if (snapshot.node_port == port) snapshot.node_port = PortId{};
  if (snapshot.outside_port == port) snapshot.outside_port = PortId{};
}

}  // namespace

std::unique_ptr<Snapshot> Keeper::copy_of_current() const {
  return std::make_unique<Snapshot>(parts_.publisher->current());
}

void Keeper::publish_endpoint(const api::AttachPort& attached) {
  auto next = copy_of_current();
  const PortId port{attached.port};
  if (next->endpoints.size() <= port.value) next->endpoints.resize(port.value + 1);
  next->endpoints[port.value] = endpoint_of(attached);
  clear_role(*next, port);
  if (attached.role == api::PortRole::Node) next->node_port = port;
  if (attached.role == api::PortRole::Outside) next->outside_port = port;
  parts_.publisher->publish(std::move(next));
}

void Keeper::withdraw_endpoint(PortId port) {
  auto next = copy_of_current();
  if (port.value < next->endpoints.size()) next->endpoints[port.value] = nullptr;
  clear_role(*next, port);
  parts_.publisher->publish(std::move(next));
}

Outcome Keeper::check_role(const api::AttachPort& wanted) const {
  if (wanted.role == api::PortRole::Pod) return {};
  for (const auto& [number, port] : ports_) {
    if (number != wanted.port && port.attached.role == wanted.role) {
      return refuse("port {} has this role already; detach it first", number);
    }
  }
  return {};
}

const EthdevPort* Keeper::ethdev_named(const char* name) const {
  const std::string_view text(name);
  for (const EthdevPort* ethdev : parts_.ethdevs) {
    const std::string_view device = text.substr(0, text.find(','));
    if (device == ethdev->name() || device == "pci:" + ethdev->name()) return ethdev;
  }
  return nullptr;
}

Status Keeper::connect(const api::AttachPort& wanted, const std::vector<Fd>& fds,
                       const EthdevPort* ethdev) {
  const PortId port{wanted.port};
  for (std::size_t i = 0; i < parts_.workers.size(); ++i) {
    if (ethdev != nullptr) {
      parts_.workers[i]->attach_queue(port, wanted.generation, ethdev->queue(i));
    } else if (auto attached =
                   parts_.workers[i]->attach_tap(port, wanted.generation, fds[i].value());
               !attached) {
      return attached;
    }
  }
  return {};
}

void Keeper::disconnect(PortId port) {
  for (Worker* worker : parts_.workers) worker->detach(port);
}

Outcome Keeper::replace_in_place(Port& port, const api::AttachPort& wanted) {
  if (wanted.kind != port.attached.kind) return refuse("port {} is of another kind", wanted.port);
  bool is_there = true;
  for (Worker* worker : parts_.workers) {
    is_there = worker->renew(PortId{wanted.port}, wanted.generation) && is_there;
  }
  // A worker has seen the device go, and its notice names the generation before this one.
  if (!is_there) {
    disconnect(PortId{wanted.port});
    withdraw_endpoint(PortId{wanted.port});
    ports_.erase(wanted.port);
    return refuse("port {} is closed: its device is gone", wanted.port);
  }
  publish_endpoint(wanted);
  port.attached = wanted;
  return {};
}

Outcome Keeper::attach(const api::AttachPort& wanted, std::vector<Fd> fds) {
  if (auto role = check_role(wanted); !role) return role;
  const auto known = ports_.find(wanted.port);
  if (known != ports_.end() && wanted.generation <= known->second.attached.generation) {
    return refuse("port {} is at generation {}, a new one must be higher", wanted.port,
                  known->second.attached.generation);
  }
  if (known != ports_.end() && fds.empty()) return replace_in_place(known->second, wanted);

  const EthdevPort* ethdev = nullptr;
  if (wanted.kind == api::PortKind::Ethdev) {
    ethdev = ethdev_named(wanted.name);
    if (ethdev == nullptr) {
      return refuse("no ethdev port {}; start bulkhead-dataplane with --port {}", wanted.name,
                    wanted.name);
    }
  } else {
    if (fds.size() != parts_.workers.size()) {
      return refuse("{} descriptors where {} belong, one a worker", fds.size(),
                    parts_.workers.size());
    }
    for (const Fd& fd : fds) {
      if (auto tap = check_tap(fd.value()); !tap) {
        return refuse("port {}: {}", wanted.port, tap.error().text());
      }
    }
  }
  // A replaced device goes first; from here on a failure leaves the port closed.
  if (known != ports_.end()) {
    disconnect(PortId{wanted.port});
    ports_.erase(known);
  }
  // The endpoint before the frames: what arrives before it would be dropped as unknown.
  publish_endpoint(wanted);
  if (auto connected = connect(wanted, fds, ethdev); !connected) {
    disconnect(PortId{wanted.port});
    withdraw_endpoint(PortId{wanted.port});
    return tl::unexpected(api::Invalid{api::AckCode::Failed, connected.error()});
  }
  ports_[wanted.port] = Port{wanted, std::move(fds)};
  log_info("port {} attached: {} generation {} role {} addresses {}", wanted.port, wanted.name,
           wanted.generation, static_cast<int>(wanted.role), wanted.address_count);
  return {};
}

Outcome Keeper::detach(const api::DetachPort& wanted) {
  const auto port = ports_.find(wanted.port);
  if (port == ports_.end()) return refuse("port {} is not attached", wanted.port);
  if (port->second.attached.generation != wanted.generation) {
    return refuse("port {} is at generation {}, not {}", wanted.port,
                  port->second.attached.generation, wanted.generation);
  }
  disconnect(PortId{wanted.port});
  withdraw_endpoint(PortId{wanted.port});
  log_info("port {} detached: {}", wanted.port, port->second.attached.name);
  ports_.erase(port);  // closes our descriptors
  return {};
}

std::optional<api::PortClosed> Keeper::close_vanished(PortId port, std::uint32_t generation,
                                                      int error_number) {
  const auto found = ports_.find(port.value);
  if (found == ports_.end() || found->second.attached.generation != generation) return {};
  log_warning("port {} closed: its device {} is gone ({})", port.value, found->second.attached.name,
              std::strerror(error_number));
  disconnect(port);
  withdraw_endpoint(port);
  ports_.erase(found);
  const auto cause = error_number == EBADFD ? api::CloseCause::Deleted : api::CloseCause::Error;
  return api::PortClosed{port.value, generation, cause, error_number};
}

std::vector<api::PortClosed> Keeper::close_cut_off() {
  std::vector<int> fds;
  std::vector<const api::AttachPort*> owners;
  for (const auto& [number, port] : ports_) {
    for (const Fd& fd : port.fds) {
      fds.push_back(fd.value());
      owners.push_back(&port.attached);
    }
  }
  std::vector<std::pair<PortId, std::uint32_t>> lost;
  for (const std::size_t i : cut_off_queues(fds)) {
    lost.emplace_back(owners[i]->port, owners[i]->generation);
  }
  std::vector<api::PortClosed> closed;
  for (const auto& [port, generation] : lost) {
    if (const auto told = close_vanished(port, generation, EBADFD)) closed.push_back(*told);
  }
  return closed;
}

Outcome Keeper::upsert(std::span<const api::AddressUpdate> updates) {
  std::set<IpAddress> fresh;
  for (const api::AddressUpdate& update : updates) {
    const IpAddress address = api::from_wire(update.address);
    if (!parts_.addresses->find(address).is_known) fresh.insert(address);
  }
  if (parts_.addresses->size() + fresh.size() > kMaxAddresses) {
    return refuse("{} addresses known and {} new ones are more than {}", parts_.addresses->size(),
                  fresh.size(), kMaxAddresses);
  }
  for (const api::AddressUpdate& update : updates) {
    const AddressRecord record{IdentityId{update.identity}, PortId{update.port},
                               update.is_node != 0, true};
    if (!parts_.addresses->upsert(api::from_wire(update.address), record)) {
      return tl::unexpected(
          api::Invalid{api::AckCode::Failed, Error{"the address map is full", {}}});
    }
  }
  parts_.publisher->synchronize();
  return {};
}

Outcome Keeper::remove(std::span<const api::WireAddress> addresses) {
  for (const api::WireAddress& address : addresses) {
    parts_.addresses->remove(api::from_wire(address));
  }
  parts_.publisher->synchronize();
  return {};
}

Outcome Keeper::publish(Revision revision, std::span<const api::SectionRef> sections,
                        std::vector<Fd> fds) {
  auto loaded = LoadedTable::load(revision, sections, std::move(fds), table_.get());
  if (!loaded) {
    log_error("table revision {} refused: {}", revision.value, loaded.error().text());
    return refuse("{}", loaded.error().text());
  }
  auto next = copy_of_current();
  next->table = std::shared_ptr<const table::TableView>(*loaded, &(*loaded)->view());
  next->revision = revision;
  parts_.publisher->publish(std::move(next));
  table_ = std::move(*loaded);
  // After the table: a worker that reads the new epoch reads the new table too.
  parts_.addresses->raise_epoch();
  parts_.publisher->synchronize();
  log_info("table revision {} in force, epoch {}", revision.value, epoch().value);
  return {};
}

Outcome Keeper::configure(const api::Configure& wanted) {
  auto next = copy_of_current();
  next->reevaluate_established = wanted.reevaluate_established != 0;
  next->reset_cut = wanted.reset_cut != 0;
  parts_.publisher->publish(std::move(next));
  return {};
}

std::vector<Keeper::Held> Keeper::held_ports() const {
  std::vector<Held> held;
  for (const auto& [number, port] : ports_) {
    Held item{port.attached, {}};
    for (const Fd& fd : port.fds) item.fds.push_back(fd.value());
    held.push_back(std::move(item));
  }
  return held;
}

}  // namespace bulkhead::dataplane
