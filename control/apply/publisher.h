// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "control/apply/address_journal.h"
#include "control/apply/dataplane.h"
#include "control/apply/numbers_file.h"
#include "control/apply/plan.h"
#include "control/state/desired.h"
#include "policy/base/result.h"

namespace bulkhead::control::apply {

// How much of a table the second reader checked.
struct Verified {
  double ratio = 1;  // 0..1
};
// Law 4's second reader. An error is a mismatch, and refuses the table.
using Verify = std::function<Result<Verified>(const model::Cluster&, const compile::LocalPods&,
                                              const compile::CompiledTable&)>;

// Whether new tables may be published (law 10: a file whose scope nobody can tell blocks it).
enum class Publishing : std::uint8_t { Open, Blocked };

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

// The table in force and what it was made from. Immutable.
struct InForce {
  std::shared_ptr<const state::Desired> desired;
  std::shared_ptr<const compile::CompiledTable> table;
};

// Brings the data plane from what it has acknowledged to what is desired, in the one order that
// never lets a packet meet half a change (law 7):
//   addresses that go -> ports that go -> table -> ports that come -> addresses that come
// A number is given back only when neither the table in force nor an acknowledged address names it.
// Thread: the control thread.
class Publisher {
 public:
  Publisher(NumbersFile::Loaded numbers, AddressJournal journal, Verify verify);

  // A data plane was connected: what it already holds. `ports` are those this agent adopts.
  void adopt(const dataplane::api::HelloReply& reply, std::map<PortId, std::uint32_t> ports);
  // Its connection is over; nothing is acknowledged any more.
  void forget();

  // With no data plane the table is only compiled and verified.
  Outcomes reconcile(std::shared_ptr<const state::Desired> desired, const PortWishes& ports,
                     Publishing publishing, Dataplane* dataplane);

  [[nodiscard]] const Acknowledged& acknowledged() const { return acknowledged_; }
  [[nodiscard]] const InForce& in_force() const { return in_force_; }
  [[nodiscard]] Revision compiled() const { return compiled_; }
  [[nodiscard]] Revision verified() const { return verified_; }
  [[nodiscard]] double verified_ratio() const { return verified_ratio_; }
  // Every counter slot that may have counted, for its rule's life.
  [[nodiscard]] const std::map<CounterSlot, compile::SlotInfo>& slots() const { return slots_; }
  // The data plane closed it by itself.
  void port_is_gone(PortId port);

 private:
  using TablePtr = std::shared_ptr<const compile::CompiledTable>;

  [[nodiscard]] bool withdraw(const state::Desired& desired, const PortWishes& ports,
                              Dataplane& dataplane, Outcomes& outcomes);
  [[nodiscard]] Result<TablePtr> prepare(const state::Desired& desired, Outcomes& outcomes);
  // False when the connection broke.
  [[nodiscard]] bool part_identities(const TablePtr& next, Dataplane& dataplane,
                                     Outcomes& outcomes);
  [[nodiscard]] bool publish(const compile::CompiledTable& table, Dataplane& dataplane,
                             Outcomes& outcomes);
  [[nodiscard]] bool bring(const AddressEntries& wished, const PortWishes& ports,
                           Dataplane& dataplane, Outcomes& outcomes);
  [[nodiscard]] bool upsert(const std::vector<std::pair<IpAddress, AddressEntry>>& entries,
                            Dataplane& dataplane, Outcomes& outcomes);
  [[nodiscard]] bool answers_like_the_one_in_force(const compile::CompiledTable& table) const;
  void give_back(const compile::CompiledTable& table);
  // Sees to the connection's end; true when that is what happened.
  bool note(const Problem& problem, Outcomes& outcomes);

  NumbersFile file_;
  compile::Numbers numbers_;
  bool numbers_were_lost_;
  bool slots_are_fresh_ = false;  // the statistics page counts from zero
  AddressJournal journal_;
  Verify verify_;
  Revision last_revision_;
  Revision compiled_;
  Revision verified_;
  double verified_ratio_ = 0;
  Acknowledged acknowledged_;
  InForce in_force_;
  std::map<CounterSlot, compile::SlotInfo> slots_;
};

}  // namespace bulkhead::control::apply
