// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "policy/compile/classes.h"
#include "policy/compile/compile.h"
#include "policy/compile/identities.h"
#include "policy/compile/numbers.h"
#include "policy/compile/rule_book.h"
#include "policy/compile/subjects.h"

namespace bulkhead::compile {

// Folds every row and writes the table: sections, slots and their keys of `compiled`, in a fixed
// order. Fails when a limit of the format is exceeded or an alias names a reserved identity.
[[nodiscard]] Status emit(const RuleBook& book, const Resolver& resolver,
                          const Inventory& inventory, const Identities& identities,
                          const std::vector<Subject>& subjects, std::span<const Alias> aliases,
                          Numbers& numbers, CompiledTable& compiled);

}  // namespace bulkhead::compile
