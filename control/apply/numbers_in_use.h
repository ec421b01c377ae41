// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "control/apply/plan.h"
#include "policy/compile/compile.h"

namespace bulkhead::control::apply {

// For every identity that acknowledged addresses still carry and the new table no longer knows: the
// one that all of them will carry next. Where they part, none: see parting_aliases().
[[nodiscard]] std::vector<compile::Alias> aliases_for(const compile::CompiledTable& table,
                                                      const AddressEntries& acknowledged);

// For the identities of which aliases_for() leaves none because their addresses part: each
// successor answered like the identity it parts from. With them the table in force can be published
// once more and the addresses updated *before* the next table, so that none of them ever carries an
// identity that the table does not know. An identity is left out when the table in force knows one
// of its successors with a meaning of its own: its addresses are denied for the moment in between.
[[nodiscard]] std::vector<compile::Alias> parting_aliases(const compile::CompiledTable& next,
                                                          const compile::CompiledTable& in_force,
                                                          const AddressEntries& acknowledged);

// Gives back what no table (`way_back` may be null) and no acknowledged address names.
void release_identities(const compile::CompiledTable& table, const compile::CompiledTable* way_back,
                        const AddressEntries& acknowledged, compile::Numbers& numbers);
void release_slots(const compile::CompiledTable& table, compile::Numbers& numbers);

}  // namespace bulkhead::control::apply
