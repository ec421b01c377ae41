// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/base/result.h"
#include "policy/table/view.h"

namespace bulkhead::table {

// Checks every index inside the arrays of a view whose sections already have the right sizes. The
// error names the section and the record.
[[nodiscard]] Status check_indexes(const TableView& table);

}  // namespace bulkhead::table
