// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "control/apply/address_journal.h"
#include "control/apply/dataplane.h"
#include "control/apply/in_force.h"
#include "control/apply/numbers_file.h"
#include "control/apply/numbers_in_use.h"
#include "control/apply/plan.h"
#include "control/apply/second_reader.h"
#include "control/apply/wished_addresses.h"
#include "control/state/desired.h"
#include "policy/base/result.h"

namespace bulkhead::control::apply {

// As compile::compile(). A value, so that a test can compile wrongly.
using Compile = std::function<Result<compile::CompiledTable>(
    const model::Cluster&, const compile::LocalPods&, Revision, compile::Numbers&,
    std::span<const compile::Alias>)>;

// One compile::Compiler, which keeps from call to call what did not change.
[[nodiscard]] Compile compile_from_version_to_version();

// Whether new tables may be published (law 10: a file whose scope nobody can tell blocks it).
enum class Publishing : std::uint8_t { Open, Blocked };

using Slots = model::SharedMap<CounterSlot, compile::SlotInfo>;

// Why the wished state is not, or not wholly, in force.
struct Refusal {
  std::string cause;  // "compile", "verify", "dataplane", "lost", "blocked", "disk"
  Error error;
};

// What one reconciliation came to.
struct Outcomes {
  bool has_published = false;             // a table, acknowledged by every worker
  std::optional<Refusal> refusal;         // of the table, or of everything ("lost")
  std::map<PortId, Error> refused_ports;  // each stays out, with its addresses
};

// Brings the data plane from what it has acknowledged to what is desired, in the one order that
// never lets a packet meet half a change (law 7):
//   addresses that go -> ports that go -> table -> ports that come -> addresses that come
// A number is given back only when neither the table in force, nor the one to go back to, nor an
// acknowledged address names it. Thread: the control thread.
class Publisher {
 public:
  Publisher(NumbersFile::Loaded numbers, AddressJournal journal, Compile compile,
            SecondReader second_reader);

  // A data plane was connected: what it already holds. `ports` are those this agent adopts.
  void adopt(const dataplane::api::HelloReply& reply, std::map<PortId, std::uint32_t> ports);
  // Its connection is over; nothing is acknowledged any more.
  void forget();

  // With no data plane the table is only compiled and verified.
  // Cost: what `wished` differs in from the version before it, when it shares the rest (Follower).
  Outcomes reconcile(state::Desired wished, const PortWishes& ports, Publishing publishing,
                     Dataplane* dataplane);

  // One step of comparing what is in force behind its swap; to be called while is_verifying(). An
  // error is a mismatch, to be followed by fall_back().
  [[nodiscard]] Status verify_on() { return second_reader_.step(); }
  [[nodiscard]] bool is_verifying() const { return second_reader_.has_more(); }
  // What is in force is wrong: puts the last verified revision in force again or, if nothing ever
  // was, a table that allows nothing. Answers with a refusal. That wrong table is not published
  // again, whatever the check before the swap says.
  Outcomes fall_back(const Error& mismatch, const PortWishes& ports, Dataplane* dataplane);

  [[nodiscard]] const Acknowledged& acknowledged() const { return acknowledged_; }
  [[nodiscard]] const InForce& in_force() const { return in_force_; }
  [[nodiscard]] Revision compiled() const { return compiled_; }
  // What passed the comparison before its swap; the rest of it may still be under way.
  [[nodiscard]] Revision verified() const { return verified_; }
  // How much of the table in force was compared, 0..1.
  [[nodiscard]] double verified_ratio() const { return second_reader_.ratio(); }
  // Every counter slot that may have counted, for its rule's life.
  [[nodiscard]] const Slots& slots() const { return slots_; }
  // The data plane closed it by itself.
  void port_is_gone(PortId port);

 private:
  using TablePtr = std::shared_ptr<const compile::CompiledTable>;

  using DesiredPtr = std::shared_ptr<const state::Desired>;

  [[nodiscard]] bool withdraw(const DesiredPtr& desired, const PortWishes& ports,
                              Dataplane& dataplane, Outcomes& outcomes);
  // Compiled and checked. Has the revision of the table in force when it answers alike.
  [[nodiscard]] Result<TablePtr> prepare(const DesiredPtr& desired, Outcomes& outcomes);
  [[nodiscard]] Result<compile::CompiledTable> compile(const state::Desired& desired,
                                                       Revision revision,
                                                       std::span<const compile::Alias> aliases);
  void note_numbers();
  [[nodiscard]] Successors successors_in(const compile::CompiledTable& next) const;
  void put_in_force(InForce now);
  [[nodiscard]] Result<InForce> way_back() const;
  // False when the connection broke.
  [[nodiscard]] bool part_identities(const TablePtr& next, Dataplane& dataplane,
                                     Outcomes& outcomes);
  [[nodiscard]] bool publish(const compile::CompiledTable& table, Dataplane& dataplane,
                             Outcomes& outcomes);
  [[nodiscard]] bool bring(const AddressEntries& wished, const PortWishes& ports,
                           Dataplane& dataplane, Outcomes& outcomes);
  [[nodiscard]] bool take_back(const std::map<PortId, Error>& refused, Dataplane& dataplane,
                               Outcomes& outcomes);
  // Has `wished` held, as far as these ports are there.
  [[nodiscard]] bool hold(const AddressEntries& wished, const HeldPorts& ports,
                          Dataplane& dataplane, Outcomes& outcomes);
  // Acknowledged when true; the caller notes who holds them.
  [[nodiscard]] bool upsert(const std::vector<std::pair<IpAddress, AddressEntry>>& entries,
                            Dataplane& dataplane, Outcomes& outcomes);
  [[nodiscard]] bool answers_like_the_one_in_force(const compile::CompiledTable& table) const;
  void give_back();
  // Sees to the connection's end; true when that is what happened.
  bool note(const Problem& problem, Outcomes& outcomes);

  NumbersFile file_;
  compile::Numbers numbers_;
  UnusedIdentities unused_;
  bool numbers_were_lost_;
  bool is_bare_ = false;          // the data plane holds no port, and has been told of none
  bool slots_are_fresh_ = false;  // the statistics page counts from zero
  AddressJournal journal_;
  Compile compile_;
  SecondReader second_reader_;
  // A table that was found wrong when it was in force, and what the two readers said.
  struct Distrusted {
    TablePtr table;
    Error mismatch;
  };
  std::optional<Distrusted> distrusted_;
  Revision last_revision_;
  Revision compiled_;
  Revision verified_;
  Acknowledged acknowledged_;
  DesiredPtr fitted_;  // whatever is acknowledged has its place in it; null when that is unknown
  InForce in_force_;
  WishedAddresses wished_;  // of what is in force
  Slots slots_;
};

}  // namespace bulkhead::control::apply
