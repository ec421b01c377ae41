// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>

#include "policy/compile/compile.h"

namespace bulkhead::control::apply {

// Every identity that a table can answer for: of pods, of addresses, and of the prefixes outside.
[[nodiscard]] std::set<std::uint32_t> identities_in(const compile::CompiledTable& table);

void release_identities_except(const std::set<std::uint32_t>& used, compile::Numbers& numbers);
void release_slots_except(const compile::CompiledTable& table, compile::Numbers& numbers);

}  // namespace bulkhead::control::apply
