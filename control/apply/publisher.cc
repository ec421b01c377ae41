// SPDX-License-Identifier: Apache-2.0
#include "control/apply/publisher.h"

#include <algorithm>

#include "control/apply/numbers_in_use.h"
#include "dataplane/api/validate.h"
#include "policy/compile/compiler.h"
#include "policy/table/builder.h"

namespace bulkhead::control::apply {
namespace {

namespace api = dataplane::api;

std::set<std::pair<std::uint32_t, std::uint64_t>> names_of(const compile::CompiledTable& table) {
  std::set<std::pair<std::uint32_t, std::uint64_t>> names;
  for (const auto& section : table.sections) names.emplace(section.kind, section.checksum);
  return names;
}

// What of the table in force still fits the newly wished state: the addresses that stay where they
// are.
AddressEntries unchanged(const InForce& in_force, const state::Desired& desired) {
  AddressEntries entries = wished_addresses(*in_force.desired, *in_force.table);
  std::erase_if(entries, [&](const auto& item) {
    const auto& [address, entry] = item;
    if (entry.is_node) return !desired.node_addresses.contains(address);
    const auto now = desired.addresses.find(address);
    const auto before = in_force.desired->addresses.find(address);
    return now == desired.addresses.end() || now->second != before->second;
  });
  return entries;
}

}  // namespace

Compile compile_from_version_to_version() {
  return [compiler = std::make_shared<compile::Compiler>()](
             const model::Cluster& cluster, const compile::LocalPods& local, Revision revision,
             compile::Numbers& numbers, std::span<const compile::Alias> aliases) {
    return compiler->compile(cluster, local, revision, numbers, aliases);
  };
}

Publisher::Publisher(NumbersFile::Loaded numbers, AddressJournal journal, Compile compile,
                     SecondReader second_reader)
    : file_(std::move(numbers.file)),
      numbers_(std::move(numbers.numbers)),
      numbers_were_lost_(numbers.was_lost),
      journal_(std::move(journal)),
      compile_(std::move(compile)),
      second_reader_(std::move(second_reader)),
      last_revision_(numbers.revision) {}

void Publisher::adopt(const api::HelloReply& reply, std::map<PortId, std::uint32_t> ports) {
  acknowledged_ = {};
  acknowledged_.revision = Revision(reply.revision);
  acknowledged_.epoch = reply.epoch;
  acknowledged_.ports = std::move(ports);
  last_revision_ = std::max(last_revision_, acknowledged_.revision);
  is_bare_ = acknowledged_.ports.empty();
  const bool is_fresh = reply.revision == 0 && acknowledged_.ports.empty();
  if (!is_fresh) {
    acknowledged_.stale = journal_.held();
    return;
  }
  // A failed write leaves names of addresses that the new data plane does not hold: harmless.
  static_cast<void>(journal_.clear());
  slots_are_fresh_ = true;
}

void Publisher::forget() { acknowledged_ = {}; }

void Publisher::port_is_gone(PortId port) { acknowledged_.ports.erase(port); }

bool Publisher::note(const Problem& problem, Outcomes& outcomes) {
  if (problem.kind != Problem::Kind::Lost) return false;
  outcomes.refusal = Refusal{"lost", problem.error};
  forget();
  return true;
}

Outcomes Publisher::reconcile(state::Desired wished_state, const PortWishes& ports,
                              Publishing publishing, Dataplane* dataplane) {
  Outcomes outcomes;
  if (in_force_.desired) {
    // What a change can touch is told by which objects are others.
    wished_state.cluster =
        model::sharing_with(in_force_.desired->cluster, std::move(wished_state.cluster));
  }
  const auto desired = std::make_shared<const state::Desired>(std::move(wished_state));
  if (dataplane != nullptr && !withdraw(*desired, ports, *dataplane, outcomes)) return outcomes;

  auto table = prepare(desired, outcomes);
  const bool is_same = table && answers_like_the_one_in_force(**table);
  if (table && !is_same && publishing == Publishing::Blocked) {
    outcomes.refusal = Refusal{"blocked", {"nothing new is published", {}}};
    table = tl::unexpected(outcomes.refusal->error);
  }
  if (dataplane == nullptr) return outcomes;

  if (!table) {
    // The old table stays, or comes back where this data plane holds another one: none yet, or a
    // wrong one that could not be replaced when it was found.
    if (!in_force_.table) return outcomes;
    if (acknowledged_.revision != in_force_.table->revision) {
      const auto kept = in_force_;
      if (!publish(*kept.table, *dataplane, outcomes)) return outcomes;
    }
    static_cast<void>(bring(unchanged(in_force_, *desired), ports, *dataplane, outcomes));
    return outcomes;
  }
  if (!is_same) {
    if (!part_identities(*table, *dataplane, outcomes)) return outcomes;
    if (acknowledged_.revision >= (*table)->revision) {
      table = prepare(desired, outcomes);
      if (!table) return outcomes;
    }
    if (!publish(**table, *dataplane, outcomes)) return outcomes;
    in_force_.table = *table;
    outcomes.has_published = true;
  } else {
    // Its addresses, under the bytes that are acknowledged.
    auto same = std::make_shared<compile::CompiledTable>(**table);
    same->revision = in_force_.table->revision;
    same->sections = in_force_.table->sections;
    in_force_.table = std::move(same);
  }
  in_force_.desired = desired;
  second_reader_.follow(in_force_);
  const AddressEntries wished = wished_addresses(*desired, **table);
  if (bring(wished, ports, *dataplane, outcomes)) give_back(**table);
  return outcomes;
}

bool Publisher::withdraw(const state::Desired& desired, const PortWishes& ports,
                         Dataplane& dataplane, Outcomes& outcomes) {
  auto removed = addresses_to_remove(desired, acknowledged_);
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
  for (const auto port : ports_to_detach(ports, acknowledged_)) {
    const auto ack = dataplane.detach(port, acknowledged_.ports.at(port));
    if (!ack && note(ack.error(), outcomes)) return false;
    // Refused: it is not there, or it is there as another generation. Both mean that ours is gone.
    acknowledged_.ports.erase(port);
  }
  return true;
}

Result<Publisher::TablePtr> Publisher::prepare(const DesiredPtr& desired, Outcomes& outcomes) {
  const auto refused = [&](const char* cause, const Error& error) {
    outcomes.refusal = Refusal{cause, error};
    return tl::unexpected(error);
  };
  const Revision revision(last_revision_.value + 1);
  const compile::LocalPods local = desired->local;
  auto compiled = compile_(desired->cluster, local, revision, numbers_, {});
  if (!compiled) return refused("compile", compiled.error());
  // Live flows must not be cut between the table and the address updates that follow it.
  const auto aliases = aliases_for(*compiled, acknowledged_.addresses);
  if (!aliases.empty()) {
    compiled = compile_(desired->cluster, local, revision, numbers_, aliases);
    if (!compiled) return refused("compile", compiled.error());
  }
  auto table = std::make_shared<const compile::CompiledTable>(std::move(*compiled));
  const bool is_same = answers_like_the_one_in_force(*table);
  if (!is_same) compiled_ = revision;
  if (distrusted_ && answer_alike(*distrusted_->table, *table)) {
    return refused("verify", distrusted_->mismatch);
  }
  // Also when the sections stay as they are: the address updates that follow are part of what is
  // checked (law 4).
  if (const auto same = second_reader_.check({desired, table}, in_force_); !same) {
    return refused("verify", same.error());
  }
  if (!is_same) verified_ = revision;
  return table;
}

bool Publisher::answers_like_the_one_in_force(const compile::CompiledTable& table) const {
  const auto& old = in_force_.table;
  return old && acknowledged_.revision == old->revision && answer_alike(*old, table);
}

// Before a table in which an identity's addresses part: the table in force once more, which answers
// their next identities like the present one, and then those identities. Nothing is decided
// differently until the next table; live flows meet no moment in which their identity is unknown.
// Where this is refused, that moment is denied.
bool Publisher::part_identities(const TablePtr& next, Dataplane& dataplane, Outcomes& outcomes) {
  const bool is_in_force = in_force_.table && acknowledged_.revision == in_force_.table->revision;
  if (!is_in_force) return true;
  const auto aliases = parting_aliases(*next, *in_force_.table, acknowledged_.addresses);
  if (aliases.empty()) return true;
  const auto& old = *in_force_.desired;
  const Revision revision(last_revision_.value + 1);
  auto compiled = compile_(old.cluster, old.local, revision, numbers_, aliases);
  if (!compiled) return true;
  const auto table = std::make_shared<const compile::CompiledTable>(std::move(*compiled));
  if (!second_reader_.check({in_force_.desired, table}, {})) return true;
  // Lost forgets what was acknowledged; what was merely refused is no reason to stop.
  const auto goes_on = [&] {
    outcomes.refusal.reset();
    return true;
  };
  if (!publish(*table, dataplane, outcomes)) {
    return acknowledged_.revision.value != 0 && goes_on();
  }
  in_force_.table = table;

  std::vector<std::pair<IpAddress, AddressEntry>> entries;
  for (const auto& [address, item] : next->addresses) {
    const auto held = acknowledged_.addresses.find(address);
    if (held == acknowledged_.addresses.end()) continue;
    const bool parts = std::any_of(aliases.begin(), aliases.end(), [&](const auto& alias) {
      return alias.now == held->second.identity && alias.retired == item.identity;
    });
    if (!parts) continue;
    entries.emplace_back(address, AddressEntry{item.identity, held->second.port, false});
  }
  if (upsert(entries, dataplane, outcomes)) return true;
  return acknowledged_.revision.value != 0 && goes_on();
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
  for (const auto& slot : table.slots) slots_.insert_or_assign(slot.slot, slot);
  return true;
}

bool Publisher::bring(const AddressEntries& wished, const PortWishes& ports, Dataplane& dataplane,
                      Outcomes& outcomes) {
  // A data plane that took over flows decides each again with its first packet, and cuts what it
  // does not know: where no port can bring a packet yet, the addresses go first.
  if (std::exchange(is_bare_, false)) {
    Acknowledged soon = acknowledged_;
    for (const auto& [port, wish] : ports) soon.ports.emplace(port, wish.message.generation);
    if (!upsert(addresses_to_upsert(wished, soon), dataplane, outcomes)) return false;
  }
  for (const auto port : ports_to_attach(ports, acknowledged_)) {
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
  return upsert(addresses_to_upsert(wished, acknowledged_), dataplane, outcomes);
}

// The addresses of ports that are not there after all.
bool Publisher::take_back(const std::map<PortId, Error>& refused, Dataplane& dataplane,
                          Outcomes& outcomes) {
  std::vector<IpAddress> removed;
  for (const auto& [address, entry] : acknowledged_.addresses) {
    if (refused.contains(entry.port)) removed.push_back(address);
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
  for (const auto& [address, entry] : entries) {
    acknowledged_.addresses.insert_or_assign(address, entry);
    acknowledged_.stale.erase(address);
  }
  acknowledged_.epoch = ack->epoch;
  return true;
}

Outcomes Publisher::fall_back(const Error& mismatch, const PortWishes& ports,
                              Dataplane* dataplane) {
  Outcomes outcomes;
  const InForce wrong = in_force_;
  auto back = way_back();
  if (!back) {
    outcomes.refusal = Refusal{"verify", back.error()};
    return outcomes;
  }
  distrusted_ = Distrusted{
      wrong.table, in_context(fmt::format("revision {} was in force and is wrong; back to {}",
                                          wrong.table->revision.value, back->table->revision.value),
                              mismatch)
                       .value()};
  in_force_ = *back;
  second_reader_.follow(in_force_);
  if (dataplane != nullptr && publish(*in_force_.table, *dataplane, outcomes)) {
    outcomes.has_published = true;
    static_cast<void>(bring(unchanged(in_force_, *wrong.desired), ports, *dataplane, outcomes));
  }
  if (!outcomes.refusal) outcomes.refusal = Refusal{"verify", distrusted_->mismatch};
  return outcomes;
}

// The last verified revision; before there was one, a table that allows nothing (law 1).
Result<InForce> Publisher::way_back() const {
  if (second_reader_.verified().table) return second_reader_.verified();
  auto closed = std::make_shared<compile::CompiledTable>();
  closed->revision = Revision(last_revision_.value + 1);
  auto sections = table::TableBuilder().finish(closed->revision);
  if (!sections) return tl::unexpected(sections.error());
  closed->sections = std::move(*sections);
  return InForce{std::make_shared<const state::Desired>(), std::move(closed)};
}

void Publisher::give_back(const compile::CompiledTable& table) {
  if (acknowledged_.stale.empty()) {
    release_identities(table, second_reader_.verified().table.get(), acknowledged_.addresses,
                       numbers_);
  }
  // A slot's count belongs to its rule for the life of the statistics page.
  if (std::exchange(slots_are_fresh_, false)) release_slots(table, numbers_);
}

}  // namespace bulkhead::control::apply
