// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/api/stats.h"
#include "dataplane/flow/hash.h"
#include "dataplane/flow/now.h"
#include "dataplane/flow/table.h"
#include "dataplane/packet/batch.h"
#include "dataplane/packet/fragments.h"
#include "dataplane/publish/snapshot.h"
#include "dataplane/stage/events.h"
#include "dataplane/stage/replies.h"
#include "policy/table/lookup.h"

namespace bulkhead::dataplane {

// What classify decided about the misses and stale hits of a burst. Meaningless for others.
struct Decisions {
  std::array<DropReason, kBatchSize> reason;  // None: allowed
  std::array<table::Decision, kBatchSize> egress;
  std::array<table::Decision, kBatchSize> ingress;
  std::array<bool, kBatchSize> has_egress;
  std::array<bool, kBatchSize> has_ingress;
  std::array<IdentityId, kBatchSize> source;
  std::array<IdentityId, kBatchSize> destination;
  // Where originator and responder of the flow sit: 0 while unknown.
  std::array<PortId, kBatchSize> originator_port;
  std::array<PortId, kBatchSize> responder_port;
};

// What belongs to a worker, or to its burst: the stages' second argument.
struct StageContext {
  const Snapshot& snapshot;  // one for the whole burst (law 7)
  Epoch epoch;
  Now now;
  FlowTable& flows;
  FragmentCache& fragments;
  EventWriter& events;
  Replies& replies;
  Decisions& decisions;
  std::span<api::Counter> decision_counters;
  std::uint64_t& epoch_rechecks;
  const HashKey& steering_key;
  std::uint8_t worker = 0;
  std::uint8_t workers = 1;
};

// After a cold start, connections that were open before it may be picked up mid-stream this long.
inline constexpr std::uint64_t kPickUpGraceNs = 30'000'000'000;

}  // namespace bulkhead::dataplane
