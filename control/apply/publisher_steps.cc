// SPDX-License-Identifier: Apache-2.0
// What a Publisher sends, step by step; the order of the steps is reconcile()'s.
#include "control/apply/publisher.h"
#include "dataplane/api/validate.h"

namespace bulkhead::control::apply {
namespace {

namespace api = dataplane::api;

std::set<std::pair<std::uint32_t, std::uint64_t>> names_of(const compile::CompiledTable& table) {
  std::set<std::pair<std::uint32_t, std::uint64_t>> names;
  for (const auto& section : table.sections) names.emplace(section.kind, section.checksum);
  return names;
}

}  // namespace

bool Publisher::note(const Problem& problem, Outcomes& outcomes) {
  if (problem.kind != Problem::Kind::Lost) return false;
  outcomes.refusal = Refusal{"lost", problem.error};
  forget();
  return true;
}

bool Publisher::withdraw(const DesiredPtr& desired, const PortWishes& ports, Dataplane& dataplane,
                         Outcomes& outcomes) {
  auto removed = addresses_to_remove(*desired, acknowledged_, fitted_.get());
  if (numbers_were_lost_) {
    // What an identity meant before is unknown: nothing may keep one over the next table.
    removed.assign(acknowledged_.stale.begin(), acknowledged_.stale.end());
  }
  if (!removed.empty()) {
    const auto ack = dataplane.remove(removed);
    if (!ack) {
      if (note(ack.error(), outcomes)) return false;
      outcomes.refusal = Refusal{"dataplane", ack.error().error};
      return false;
    }
    for (const auto& address : removed) {
      acknowledged_.addresses.erase(address);
      acknowledged_.stale.erase(address);
    }
    acknowledged_.epoch = ack->epoch;
    // An address too many in the journal costs one more removal after a restart.
    static_cast<void>(journal_.released(removed));
  }
  numbers_were_lost_ = false;
  fitted_ = desired;
  for (const auto port : ports_to_detach(ports, acknowledged_.ports)) {
    const auto ack = dataplane.detach(port, acknowledged_.ports.at(port));
    if (!ack && note(ack.error(), outcomes)) return false;
    // Refused: it is not there, or it is there as another generation. Both mean that ours is gone.
    acknowledged_.ports.erase(port);
  }
  return true;
}

bool Publisher::publish(const compile::CompiledTable& table, Dataplane& dataplane,
                        Outcomes& outcomes) {
  last_revision_ = std::max(last_revision_, table.revision);
  if (const Status saved = file_.save(numbers_, last_revision_); !saved) {
    outcomes.refusal = Refusal{"disk", saved.error()};
    return false;
  }
  std::vector<OutgoingSection> sections;
  for (const auto& section : table.sections) {
    sections.push_back({section.kind, section.checksum, section.bytes,
                        !acknowledged_.sections.contains({section.kind, section.checksum})});
  }
  const auto ack = dataplane.publish(table.revision, sections);
  if (!ack) {
    if (!note(ack.error(), outcomes)) {
      outcomes.refusal = Refusal{"dataplane", ack.error().error};
    }
    return false;
  }
  acknowledged_.revision = table.revision;
  acknowledged_.sections = names_of(table);
  acknowledged_.epoch = ack->epoch;
  const bool has_same_slots = in_force_.table && in_force_.table->slots == table.slots;
  for (const auto& slot : has_same_slots ? decltype(table.slots)() : table.slots) {
    const auto known = slots_.find(slot.slot);
    if (known == slots_.end() || known->second != slot) slots_.insert_or_assign(slot.slot, slot);
  }
  return true;
}

bool Publisher::bring(const AddressEntries& wished, const PortWishes& ports, Dataplane& dataplane,
                      Outcomes& outcomes) {
  // A data plane that took over flows decides each again with its first packet, and cuts what it
  // does not know: where no port can bring a packet yet, the addresses go first.
  if (std::exchange(is_bare_, false)) {
    HeldPorts soon = acknowledged_.ports;
    for (const auto& [port, wish] : ports) soon.emplace(port, wish.message.generation);
    if (!hold(wished, soon, dataplane, outcomes)) return false;
  }
  for (const auto port : ports_to_attach(ports, acknowledged_.ports)) {
    const PortWish& wish = ports.at(port);
    const auto ack = dataplane.attach(wish.message, wish.fds);
    if (ack) {
      acknowledged_.ports[port] = wish.message.generation;
      continue;
    }
    if (note(ack.error(), outcomes)) return false;
    outcomes.refused_ports.emplace(port, ack.error().error);
  }
  if (!take_back(outcomes.refused_ports, dataplane, outcomes)) return false;
  return hold(wished, acknowledged_.ports, dataplane, outcomes);
}

// The addresses of ports that are not there after all.
bool Publisher::take_back(const std::map<PortId, Error>& refused, Dataplane& dataplane,
                          Outcomes& outcomes) {
  std::vector<IpAddress> removed;
  for (const auto& [port, error] : refused) {
    const auto addresses = acknowledged_.addresses.at(port);
    removed.insert(removed.end(), addresses.begin(), addresses.end());
  }
  if (removed.empty()) return true;
  const auto ack = dataplane.remove(removed);
  if (!ack) {
    if (!note(ack.error(), outcomes)) outcomes.refusal = Refusal{"dataplane", ack.error().error};
    return false;
  }
  for (const auto& address : removed) acknowledged_.addresses.erase(address);
  acknowledged_.epoch = ack->epoch;
  return true;
}

bool Publisher::hold(const AddressEntries& wished, const HeldPorts& ports, Dataplane& dataplane,
                     Outcomes& outcomes) {
  auto plan = plan_addresses(wished, acknowledged_.addresses, ports);
  if (!upsert(plan.upserts, dataplane, outcomes)) return false;
  acknowledged_.addresses.become(std::move(plan.after));
  return true;
}

bool Publisher::upsert(const std::vector<std::pair<IpAddress, AddressEntry>>& entries,
                       Dataplane& dataplane, Outcomes& outcomes) {
  if (entries.empty()) return true;
  std::vector<api::AddressUpdate> updates;
  std::vector<IpAddress> addresses;
  for (const auto& [address, entry] : entries) {
    api::AddressUpdate update;
    update.address = api::to_wire(address);
    update.identity = entry.identity.value;
    update.port = entry.port.value;
    update.is_node = entry.is_node ? 1 : 0;
    updates.push_back(update);
    addresses.push_back(address);
  }
  if (const Status noted = journal_.will_hold(addresses); !noted) {
    outcomes.refusal = Refusal{"disk", noted.error()};
    return false;
  }
  const auto ack = dataplane.upsert(updates);
  if (!ack) {
    if (note(ack.error(), outcomes)) return false;
    outcomes.refusal = Refusal{"dataplane", ack.error().error};
    return false;
  }
  if (!acknowledged_.stale.empty()) {
    for (const auto& address : addresses) acknowledged_.stale.erase(address);
  }
  acknowledged_.epoch = ack->epoch;
  return true;
}

}  // namespace bulkhead::control::apply
