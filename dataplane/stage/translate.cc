// SPDX-License-Identifier: Apache-2.0
#include "dataplane/stage/stages.h"

namespace bulkhead::dataplane {

// Policy always sees the translated tuple. Without services the identity is that translation; the
// stage keeps its place so that the order of stages never changes.
void translate(Batch& /*batch*/, StageContext& /*context*/) {}

}  // namespace bulkhead::dataplane
