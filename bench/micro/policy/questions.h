// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "policy/model/cluster.h"

namespace bulkhead::bench {

// Prints what the offline questions cost at this size, reading the files apart, each line led by
// `name`: lint, explain of one pair, diff of one changed policy, one assertion about everybody.
void print_questions(const std::string& name, model::Cluster cluster);

}  // namespace bulkhead::bench
