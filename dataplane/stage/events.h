// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/api/events.h"
#include "dataplane/flow/hash.h"
#include "dataplane/flow/now.h"
#include "dataplane/flow/table.h"
#include "policy/base/drop_reason.h"
#include "policy/base/ids.h"

namespace bulkhead::dataplane {

// Writes one worker's events into its ring. What does not fit is counted; a flow keeps its account
// until an event carries it. Thread: the worker.
class EventWriter {
 public:
  // `ring` may be null: then nothing is written and nothing is lost.
  EventWriter(api::EventRing* ring, const HashKey& key);

  // The flow was allowed and inserted.
  void flow_new(Flow& flow, Revision revision, Now now);
  // Its account so far, at most every few seconds per flow (see is_due).
  void flow_update(Flow& flow, Revision revision, Now now);
  void flow_closed(Flow& flow, Revision revision, Now now);
  void flow_cut(Flow& flow, Revision revision, CounterSlot egress, CounterSlot ingress, Now now);

  // A packet that was refused. The same (ends, destination port, reason) is reported once a second;
  // the report says how many were not.
  struct Refusal {
    const FlowKey* key = nullptr;
    DropReason reason = DropReason::None;
    Revision revision;
    PortId in_port;
    IdentityId source;
    IdentityId destination;
    CounterSlot egress;
    CounterSlot ingress;
    bool staged_differs = false;
    std::uint32_t bytes = 0;
  };
  void refused(const Refusal& refusal, Now now);

  // Whether a flow's account should be reported again. The pace follows the number of flows, so
  // that updates never drown the news.
  [[nodiscard]] static bool is_due(const Flow& flow, std::uint32_t now_ms,
                                   std::uint32_t interval_s) {
    return static_cast<std::uint8_t>(now_ms / 1024 - flow.reported_s) >= interval_s;
  }
  [[nodiscard]] static std::uint32_t interval_s(std::uint64_t flows);

  // Makes the burst's events visible.
  void publish();
  [[nodiscard]] bool take_wakeup();
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  // What was refused lately, one line per (ends, destination port, reason), direct-mapped.
  struct Recent {
    std::uint64_t fingerprint = 0;
    std::uint32_t reported_ms = 0;
    std::uint32_t suppressed = 0;
  };
  static constexpr std::size_t kRecent = 1024;
  static constexpr std::uint32_t kRefusalsPerSecond = 2000;

  [[nodiscard]] bool write(const api::Event& event);
  void write_flow(Flow& flow, api::EventKind kind, DropReason reason, Revision revision, Now now);

  api::EventRing* ring_;
  HashKey key_;
  std::uint64_t head_ = 0;
  std::uint64_t published_ = 0;
  std::uint64_t lost_ = 0;
  bool wakeup_ = false;
  std::array<Recent, kRecent> recent_{};
  std::uint32_t second_ = 0;
  std::uint32_t refusals_left_ = kRefusalsPerSecond;
  std::uint32_t unreported_ = 0;  // suppressed ones whose line was needed for others
};

}  // namespace bulkhead::dataplane
