// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/packet/batch.h"
#include "dataplane/stage/context.h"

// The stages between parse (dataplane/packet) and the worker, in order. Each is one loop over the
// batch's live packets and settles those it is done with.
namespace bulkhead::dataplane {

// Port -> endpoint; the sender is who it claims to be; link-local talk ends here; packets of other
// workers leave.
void bind(Batch& batch, StageContext& context);

// Packet -> flow, TCP state and window; fragments follow their first.
void track(Batch& batch, StageContext& context);

// Service address -> backend, for misses. There are no services yet: every tuple stays as it is.
void translate(Batch& batch, StageContext& context);

// Misses and stale hits -> decisions, always on the originator's tuple.
void classify(Batch& batch, StageContext& context);

// Decisions -> flow table, counters, events; the way out of every packet that passes.
void commit(Batch& batch, StageContext& context);

// MTU, hop limit, MAC addresses.
void forward(Batch& batch, StageContext& context);

}  // namespace bulkhead::dataplane
