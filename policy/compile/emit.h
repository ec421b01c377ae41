// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "policy/compile/classes.h"
#include "policy/compile/compile.h"
#include "policy/compile/identities.h"
#include "policy/compile/numbers.h"
#include "policy/compile/rule_book.h"
#include "policy/compile/subjects.h"

namespace bulkhead::compile {

// Folds every row and writes the table: sections and slots of `compiled`, in a fixed order.
[[nodiscard]] Status emit(const RuleBook& book, const Resolver& resolver,
                          const Inventory& inventory, const Identities& identities,
                          const std::vector<Subject>& subjects, Numbers& numbers,
                          CompiledTable& compiled);

}  // namespace bulkhead::compile
