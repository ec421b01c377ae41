// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "policy/compile/compile.h"
#include "policy/model/cluster.h"

namespace bulkhead::bench {

// Prints what a change costs at this size, each line led by `name`: one policy's ports changed, and
// a pod added that is like another: compile, bytes to send again, the check of what the change can
// touch, and how far a sweep of everything comes in ten seconds. `numbers` are those `compiled` was
// made with.
void print_changes(const std::string& name, const model::Cluster& cluster,
                   const compile::LocalPods& local, const compile::CompiledTable& compiled,
                   compile::Numbers& numbers);

}  // namespace bulkhead::bench
