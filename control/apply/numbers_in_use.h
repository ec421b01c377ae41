// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "control/apply/held_addresses.h"
#include "control/apply/in_force.h"
#include "policy/compile/compile.h"

namespace bulkhead::control::apply {

// What of the addresses that workers hold a new table does not know as they do.
struct Successors {
  // By an identity that addresses still carry and the table no longer knows: what they will carry
  // next, and who they are.
  struct Next {
    std::map<IdentityId, std::vector<IpAddress>> by_identity;
  };
  std::map<IdentityId, Next> of_retired;
};
// `before`: the table whose addresses are `wished`, null for none. Looks at the addresses that
// differ between the two tables, and at those that are not held as they are wished: every other one
// carries what both tables know.
[[nodiscard]] Successors successors_of_retired(const compile::CompiledTable* before,
                                               const AddressEntries& wished,
                                               const compile::CompiledTable& next,
                                               const HeldAddresses& held);

// For every retired identity: the one that all its addresses will carry next. Where they part,
// none: see parting_aliases().
[[nodiscard]] std::vector<compile::Alias> aliases_for(const Successors& successors);

// For the identities of which aliases_for() leaves none because their addresses part: each
// successor answered like the identity it parts from. With them the table in force can be published
// once more and the addresses updated *before* the next table, so that none of them ever carries an
// identity that the table does not know. An identity is left out when the table in force knows one
// of its successors with a meaning of its own: its addresses are denied for the moment in between.
[[nodiscard]] std::vector<compile::Alias> parting_aliases(const Successors& successors,
                                                          const compile::CompiledTable& in_force);

// Gives back the slots that neither table names. `verified`: what may come back in force, or null.
void release_slots(const compile::CompiledTable& in_force, const compile::CompiledTable* verified,
                   compile::Numbers& numbers);

// Which identity numbers may be wanted no more: those that were taken, or left a table, since a
// table last named them. Thread: the control thread.
class UnusedIdentities {
 public:
  // All that were taken before anybody looked.
  explicit UnusedIdentities(const compile::Numbers& numbers);

  void taken(const compile::Numbers::Change& change);
  // `before` made way for `now`.
  void replaced(const compile::CompiledTable& before, const compile::CompiledTable& now);

  // Gives back what neither `table`, nor `way_back` (may be null), nor an address that is held
  // names (law 7).
  void give_back(const compile::CompiledTable& table,
                 const std::shared_ptr<const compile::CompiledTable>& way_back,
                 const HeldAddresses& held, compile::Numbers& numbers);

 private:
  using Key = std::shared_ptr<const std::string>;
  using Candidates = std::map<IdentityId, Key>;

  Candidates candidates_;
  Candidates in_way_back_;  // wanted for nothing else; looked at again when it is another one
  std::shared_ptr<const compile::CompiledTable> way_back_;
};

}  // namespace bulkhead::control::apply
