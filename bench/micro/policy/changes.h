// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "policy/compile/compile.h"
#include "policy/model/cluster.h"

namespace bulkhead::bench {

// Prints what a change costs at this size, each line led by `name` and with its budget at the end:
// one policy after the other with a port more, a pod added that is like another and one that is
// like none: compile, check of what the change can touch, bytes to send. Then how far a sweep of
// everything comes in ten seconds. `numbers` are changed.
void print_changes(const std::string& name, const model::Cluster& cluster,
                   const compile::LocalPods& local, compile::Numbers& numbers);

}  // namespace bulkhead::bench
