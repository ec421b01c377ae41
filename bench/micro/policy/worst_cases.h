// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace bulkhead::bench {

// Prints what the inputs that cost a compile most come to: time, memory and bytes, or the limit
// that refuses them.
void print_worst_cases();

}  // namespace bulkhead::bench
