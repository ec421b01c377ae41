// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "control/apply/plan.h"
#include "policy/compile/compile.h"

namespace bulkhead::control::apply {

// The identities that a table knows by itself.
[[nodiscard]] std::set<std::uint32_t> identities_of(const compile::CompiledTable& table,
                                                    const compile::Numbers& numbers);

// For every identity that acknowledged addresses still carry and the new table no longer knows: the
// one that all of them will carry next. Where they part, none: the moment in between is denied.
[[nodiscard]] std::vector<compile::Alias> aliases_for(const compile::CompiledTable& table,
                                                      const AddressEntries& acknowledged,
                                                      const compile::Numbers& numbers);

// Gives back what neither the table nor an acknowledged address names.
void release_identities(const compile::CompiledTable& table, const AddressEntries& acknowledged,
                        compile::Numbers& numbers);
void release_slots(const compile::CompiledTable& table, compile::Numbers& numbers);

}  // namespace bulkhead::control::apply
