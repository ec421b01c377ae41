// SPDX-License-Identifier: Apache-2.0
#include "control/apply/publisher.h"

#include <algorithm>

#include "policy/compile/compiler.h"
#include "policy/table/builder.h"

namespace bulkhead::control::apply {

namespace api = dataplane::api;

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
      unused_(numbers_),
      numbers_were_lost_(numbers.was_lost),
      journal_(std::move(journal)),
      compile_(std::move(compile)),
      second_reader_(std::move(second_reader)),
      last_revision_(numbers.revision) {}

void Publisher::adopt(const api::HelloReply& reply, std::map<PortId, std::uint32_t> ports) {
  forget();
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

void Publisher::forget() {
  acknowledged_ = {};
  fitted_.reset();
}

void Publisher::port_is_gone(PortId port) { acknowledged_.ports.erase(port); }

Outcomes Publisher::reconcile(state::Desired wished, const PortWishes& ports, Publishing publishing,
                              Dataplane* dataplane) {
  Outcomes outcomes;
  const auto desired = std::make_shared<const state::Desired>(std::move(wished));
  if (dataplane != nullptr && !withdraw(desired, ports, *dataplane, outcomes)) return outcomes;

  auto table = prepare(desired, outcomes);
  // Under the bytes that are acknowledged, there is nothing to publish.
  const bool is_same = table && acknowledged_.revision == (*table)->revision;
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
    static_cast<void>(bring(wished_.that_stay(*desired), ports, *dataplane, outcomes));
    return outcomes;
  }
  if (!is_same) {
    if (!part_identities(*table, *dataplane, outcomes)) return outcomes;
    if (acknowledged_.revision >= (*table)->revision) {
      table = prepare(desired, outcomes);
      if (!table) return outcomes;
    }
    if (!publish(**table, *dataplane, outcomes)) return outcomes;
    outcomes.has_published = true;
  }
  put_in_force({desired, *table});
  second_reader_.follow(in_force_);
  if (bring(wished_.entries(), ports, *dataplane, outcomes)) give_back();
  return outcomes;
}

void Publisher::put_in_force(InForce now) {
  if (in_force_.table) unused_.replaced(*in_force_.table, *now.table);
  in_force_ = std::move(now);
  wished_.follow(in_force_);
}

Result<Publisher::TablePtr> Publisher::prepare(const DesiredPtr& desired, Outcomes& outcomes) {
  const auto refused = [&](const char* cause, const Error& error) {
    outcomes.refusal = Refusal{cause, error};
    return tl::unexpected(error);
  };
  const Revision revision(last_revision_.value + 1);
  auto compiled = compile(*desired, revision, {});
  if (!compiled) return refused("compile", compiled.error());
  // Live flows must not be cut between the table and the address updates that follow it.
  const auto aliases = aliases_for(successors_in(*compiled));
  if (!aliases.empty()) {
    compiled = compile(*desired, revision, aliases);
    if (!compiled) return refused("compile", compiled.error());
  }
  const bool is_same = answers_like_the_one_in_force(*compiled);
  if (is_same) {
    compiled->revision = in_force_.table->revision;
    compiled->sections = in_force_.table->sections;
  } else {
    compiled_ = revision;
  }
  const auto table = std::make_shared<const compile::CompiledTable>(std::move(*compiled));
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

Result<compile::CompiledTable> Publisher::compile(const state::Desired& desired, Revision revision,
                                                  std::span<const compile::Alias> aliases) {
  auto compiled = compile_(desired.cluster, *desired.local, revision, numbers_, aliases);
  note_numbers();
  return compiled;
}

void Publisher::note_numbers() {
  for (const auto& change : numbers_.take_changes()) {
    file_.note(change);
    unused_.taken(change);
  }
}

Successors Publisher::successors_in(const compile::CompiledTable& next) const {
  return successors_of_retired(in_force_.table.get(), wished_.entries(), next,
                               acknowledged_.addresses);
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
  const auto successors = successors_in(*next);
  const auto aliases = parting_aliases(successors, *in_force_.table);
  if (aliases.empty()) return true;
  auto compiled = compile(*in_force_.desired, Revision(last_revision_.value + 1), aliases);
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
  put_in_force({in_force_.desired, table});

  std::vector<std::pair<IpAddress, AddressEntry>> entries;
  for (const auto& alias : aliases) {
    const auto& parting = successors.of_retired.at(alias.now).by_identity.at(alias.retired);
    for (const auto& address : parting) {
      const PortId port = acknowledged_.addresses.entries().at(address).port;
      entries.emplace_back(address, AddressEntry{alias.retired, port, false});
    }
  }
  if (!upsert(entries, dataplane, outcomes)) {
    return acknowledged_.revision.value != 0 && goes_on();
  }
  for (const auto& [address, entry] : entries) acknowledged_.addresses.put(address, entry);
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
  put_in_force(*back);
  second_reader_.follow(in_force_);
  if (dataplane != nullptr && publish(*in_force_.table, *dataplane, outcomes)) {
    outcomes.has_published = true;
    // Addresses that were withdrawn since may come back with it.
    fitted_.reset();
    static_cast<void>(bring(wished_.that_stay(*wrong.desired), ports, *dataplane, outcomes));
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

void Publisher::give_back() {
  if (acknowledged_.stale.empty()) {
    unused_.give_back(*in_force_.table, second_reader_.verified().table, acknowledged_.addresses,
                      numbers_);
  }
  // A slot's count belongs to its rule for the life of the statistics page.
  if (std::exchange(slots_are_fresh_, false)) {
    release_slots(*in_force_.table, second_reader_.verified().table.get(), numbers_);
  }
  note_numbers();
}

}  // namespace bulkhead::control::apply
