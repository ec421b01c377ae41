// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "dataplane/api/events.h"
#include "dataplane/api/stats.h"
#include "dataplane/flow/hash.h"
#include "dataplane/flow/now.h"
#include "dataplane/flow/table.h"
#include "dataplane/packet/batch.h"
#include "dataplane/packet/buffers.h"
#include "dataplane/publish/snapshot.h"
#include "dataplane/worker/counters.h"
#include "policy/base/ids.h"

namespace bulkhead::dataplane {

// What one worker's pipeline works with. Everything pointed to is borrowed, outlives the pipeline
// and, but for the shared read-only parts, belongs to this worker alone.
struct PipelineConfig {
  std::uint8_t worker = 0;
  std::uint8_t workers = 1;
  // Which worker owns a flow: the same key for all workers, FlowTable::steering_key() of the first.
  HashKey steering_key;
  FlowTable* flows = nullptr;
  WorkerCounters* counters = nullptr;
  BufferSource* buffers = nullptr;
  // StatsPage::decisions[worker] and EventRings::ring[worker]. The ring may be null: no events.
  std::span<api::Counter> decisions;
  api::EventRing* events = nullptr;
};

// parse -> bind -> track -> translate -> classify -> commit -> forward over bursts. One a worker.
// No allocation, lock, syscall or exception after construction. Thread: its worker.
class Pipeline {
 public:
  explicit Pipeline(const PipelineConfig& config);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // Gives every packet of the batch exactly one fate. Fills fate and, by fate, reason, out_port or
  // owner + generation. Hold: the mbuf stays in the fragment cache; the caller counts it as held
  // and forgets it. `epoch` was read from snapshot.addresses before anything else of the burst. The
  // caller drains outbox() and then calls release_held() until it returns 0.
  void run(Batch& batch, const Snapshot& snapshot, Epoch epoch, Now now);

  // Fragments whose datagram was decided (or timed out): refills the batch with up to kBatchSize
  // packets, each with a fate other than Hold, and returns how many. The caller takes them off its
  // held gauge and acts on the fates as after run(); they were counted as received when they came.
  std::size_t release_held(Batch& batch, const Snapshot& snapshot, Epoch epoch, Now now);

  // Ages flows and waiting fragments in a bounded slice, tops up rate limits, refreshes the flow
  // gauges. Call it at least every 100 ms, at most every 1 ms, also when idle; then drain outbox()
  // and release_held().
  void tick(const Snapshot& snapshot, Now now);

  // Nothing waits for time: no flow, no held fragment. An idle worker may then sleep without limit.
  [[nodiscard]] bool is_quiet() const;

  // What the pipeline wrote; the caller drains it after run, release_held and tick.
  [[nodiscard]] Outbox& outbox();

  // True once after events were written while the reader slept: the caller signals the eventfd.
  [[nodiscard]] bool take_wakeup();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bulkhead::dataplane
