// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "policy/base/result.h"
#include "policy/compile/compile.h"
#include "policy/table/view.h"

namespace bulkhead::question {

// What the numbers of a table stand for, as JSON:
//   {"addresses": [["10.0.0.1", 16, "ns/pod"]], "pods": [["ns/pod", 17]],
//    "slots": [[3, "NetworkPolicy/db/web/ingress/0", "ingress", "allow", false]]}
[[nodiscard]] std::string names_text(const compile::CompiledTable& table);

// Fills addresses, pods and slots. Fails at the first that has another shape, repeats a number, or
// names one that `view` does not have.
[[nodiscard]] Status read_names(std::string_view text, const table::TableView& view,
                                compile::CompiledTable& table);

}  // namespace bulkhead::question
