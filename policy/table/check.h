// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "policy/base/result.h"
#include "policy/table/view.h"

namespace bulkhead::table {

// The one of `known` that is at the same place in memory under the same name; null when none is.
[[nodiscard]] const CheckedSection* same_section(const SectionBytes& section,
                                                 std::span<const CheckedSection> known);

// Checks every index inside the arrays of a view whose sections already have the right sizes, and
// notes in `sections`, which are its own, how far they go. Of those that are `known` only that is
// compared. The error names the section and the record.
[[nodiscard]] Status check_indexes(const TableView& table, std::span<const CheckedSection> known,
                                   std::span<CheckedSection> sections);

}  // namespace bulkhead::table
