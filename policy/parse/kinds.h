// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/parse/node.h"
#include "policy/parse/parse.h"
#include "policy/parse/report.h"

namespace bulkhead::parse {

// Reads one document (an object or a List of them) into `file`. Kinds that are no policy and no
// inventory are skipped with a note; unknown kinds of a policy group are errors (design: strict).
void read_object(Report& report, const Node& object, ParsedFile& file);

}  // namespace bulkhead::parse
