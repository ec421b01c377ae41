// SPDX-License-Identifier: Apache-2.0
#include "dataplane/stage/events.h"

#include <algorithm>
#include <utility>

#include "policy/base/protocol.h"

namespace bulkhead::dataplane {
namespace {

bool is_policy(DropReason reason) {
  switch (reason) {
    case DropReason::DeniedEgress:
    case DropReason::DeniedIngress:
    case DropReason::NoTable:
    case DropReason::UnknownPeer:
      return true;
    default:
      return false;
  }
}

}  // namespace

EventWriter::EventWriter(api::EventRing* ring, const HashKey& key) : ring_(ring), key_(key) {
  if (ring_ != nullptr) head_ = published_ = ring_->head.load(std::memory_order_relaxed);
}

std::uint32_t EventWriter::interval_s(std::uint64_t flows) {
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(flows / 4096, 10, 120));
}

bool EventWriter::write(const api::Event& event) {
  if (ring_ == nullptr) return true;
  // Pairs with the agent's release of tail: what it has read may be overwritten. A tail ahead of
  // head gives a huge difference, hence a full ring.
  const std::uint64_t used = head_ - ring_->tail.load(std::memory_order_acquire);
  if (used >= api::kEventRingSize) return false;
  ring_->events[head_ % api::kEventRingSize] = event;
  ++head_;
  return true;
}

void EventWriter::write_flow(Flow& flow, api::EventKind kind, DropReason reason, Revision revision,
                             Now now) {
  api::Event event;
  event.key = flow.key;
  event.time_ns = now.realtime_ns;
  for (std::size_t side = 0; side < 2; ++side) {
    event.packets[side] = flow.packets(side);
    event.bytes[side] = flow.bytes(side);
  }
  event.revision = revision.value;
  event.egress_slot = flow.egress_slot();
  event.ingress_slot = flow.ingress_slot();
  event.source_identity = flow.source_identity;
  event.destination_identity = flow.destination_identity;
  event.ingress_port = flow.originator_port();
  event.kind = kind;
  event.reason = reason;
  event.staged_differs = (flow.flags & Flow::kStagedDiffers) != 0 ? 1 : 0;
  flow.reported_s = static_cast<std::uint8_t>(milliseconds(now) / 1024);
  if (write(event)) {
    flow.clear_account();
  } else if (kind != api::EventKind::FlowUpdate) {
    ++lost_;
  }
}

void EventWriter::flow_new(Flow& flow, Revision revision, Now now) {
  write_flow(flow, api::EventKind::FlowNew, DropReason::None, revision, now);
}

void EventWriter::flow_update(Flow& flow, Revision revision, Now now) {
  write_flow(flow, api::EventKind::FlowUpdate, DropReason::None, revision, now);
}

void EventWriter::flow_closed(Flow& flow, Revision revision, Now now) {
  write_flow(flow, api::EventKind::FlowClosed, DropReason::None, revision, now);
}

void EventWriter::flow_cut(Flow& flow, Revision revision, CounterSlot egress, CounterSlot ingress,
                           Now now) {
  flow.set_slots(egress.value, ingress.value);
  write_flow(flow, api::EventKind::FlowCut, DropReason::EstablishedCut, revision, now);
}

void EventWriter::refused(const Refusal& refusal, Now now) {
  if (ring_ == nullptr) return;
  FlowKey aggregate = *refusal.key;
  if (has_ports(aggregate.protocol)) aggregate.source_port = Be16();
  const std::uint64_t fingerprint =
      (symmetric_hash(aggregate, key_) ^ (std::uint64_t{refusal.in_port.value} << 8) ^
       static_cast<std::uint64_t>(refusal.reason)) |
      1;
  const std::uint32_t now_ms = milliseconds(now);
  Recent& recent = recent_[(fingerprint >> 32) % kRecent];
  if (recent.fingerprint == fingerprint && now_ms - recent.reported_ms < 1000) {
    ++recent.suppressed;
    return;
  }
  if (now_ms / 1000 != second_) {
    second_ = now_ms / 1000;
    refusals_left_ = kRefusalsPerSecond;
  }
  if (recent.fingerprint != fingerprint) {
    unreported_ += recent.suppressed;
    recent = {fingerprint, now_ms - 1000, 0};
  }
  if (refusals_left_ == 0) {
    ++recent.suppressed;
    return;
  }
  --refusals_left_;
  api::Event event;
  event.key = *refusal.key;
  event.time_ns = now.realtime_ns;
  event.packets[0] = 1;
  event.bytes[0] = refusal.bytes;
  event.revision = refusal.revision.value;
  event.egress_slot = refusal.egress.value;
  event.ingress_slot = refusal.ingress.value;
  event.source_identity = refusal.source.value;
  event.destination_identity = refusal.destination.value;
  event.ingress_port = refusal.in_port.value;
  event.suppressed = recent.suppressed + std::exchange(unreported_, 0);
  event.kind = is_policy(refusal.reason) ? api::EventKind::Denied : api::EventKind::Dropped;
  event.reason = refusal.reason;
  event.staged_differs = refusal.staged_differs ? 1 : 0;
  recent.reported_ms = now_ms;
  recent.suppressed = 0;
  if (!write(event)) ++lost_;
}

void EventWriter::publish() {
  if (head_ == published_) return;
  published_ = head_;
  // Both sequentially consistent, like the agent's store to reader_sleeps and its last look at
  // head: one of the two sees the other.
  ring_->head.store(head_, std::memory_order_seq_cst);
  if (ring_->reader_sleeps.load(std::memory_order_seq_cst) != 0 &&
      ring_->reader_sleeps.exchange(0, std::memory_order_relaxed) != 0) {
    wakeup_ = true;
  }
}

bool EventWriter::take_wakeup() { return std::exchange(wakeup_, false); }

}  // namespace bulkhead::dataplane
