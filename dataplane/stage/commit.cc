// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow/track.h"
#include "dataplane/stage/ends.h"
#include "dataplane/stage/stages.h"
#include "policy/base/protocol.h"

namespace bulkhead::dataplane {
namespace {

using enum DropReason;

void count(CounterSlot slot, StageContext& context) {
  if (slot.value >= context.decision_counters.size()) return;
  api::Counter& counter = context.decision_counters[slot.value];
  // One writer: no read-modify-write instruction needed.
  counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void count(const table::Decision& decision, StageContext& context) {
  count(decision.slot, context);
  if (decision.staged_slot.value != 0) count(decision.staged_slot, context);
}

// The decisions that were made: ingress is not asked once egress has denied.
void count_decisions(std::size_t i, StageContext& context) {
  const Decisions& decisions = context.decisions;
  const bool was_placed = decisions.reason[i] == None || decisions.reason[i] == DeniedEgress ||
                          decisions.reason[i] == DeniedIngress;
  if (!was_placed) return;
  if (decisions.has_egress[i]) count(decisions.egress[i], context);
  if (decisions.has_ingress[i] && decisions.reason[i] != DeniedEgress) {
    count(decisions.ingress[i], context);
  }
}

bool staged_differs(std::size_t i, const Decisions& decisions) {
  const auto differs = [](bool has, const table::Decision& decision) {
    return has && decision.verdict != decision.staged_verdict;
  };
  return differs(decisions.has_egress[i], decisions.egress[i]) ||
         differs(decisions.has_ingress[i], decisions.ingress[i]);
}

// Adds the packet to its flow's account and picks its way out.
void account(Batch& batch, std::size_t i, Flow& flow, std::uint32_t interval_s,
             StageContext& context) {
  const bool is_reply = batch.is_reply[i];
  flow.count_packet(is_reply, batch.info[i].l3_bytes);
  batch.out_port[i] = PortId{flow.port(!is_reply)};
  if (EventWriter::is_due(flow, milliseconds(context.now), interval_s)) [[unlikely]] {
    context.events.flow_update(flow, context.snapshot.revision, context.now);
  }
}

// Writes the decision in force into the flow.
void stamp(Flow& flow, std::size_t i, StageContext& context) {
  const Decisions& decisions = context.decisions;
  Writing writing(flow);
  flow.epoch = context.epoch.value;
  flow.set_port(true, decisions.responder_port[i].value);
  if (decisions.has_egress[i] || decisions.has_ingress[i]) {
    flow.source_identity = decisions.source[i].value;
    flow.destination_identity = decisions.destination[i].value;
    flow.set_slots(decisions.egress[i].slot.value, decisions.ingress[i].slot.value);
    flow.flags =
        static_cast<std::uint8_t>((flow.flags & ~Flow::kStagedDiffers) |
                                  (staged_differs(i, decisions) ? Flow::kStagedDiffers : 0));
  }
}

// Tells both ends of a cut connection, each in the other's name, so that they need not time out.
void reset_both(const Flow& flow, StageContext& context) {
  if (!context.snapshot.reset_cut || flow.key.protocol != kTcp) return;
  const Endpoint* const originator = context.snapshot.endpoint_at(PortId{flow.originator_port()});
  const Endpoint* const responder = context.snapshot.endpoint_at(PortId{flow.responder_port()});
  if (originator != nullptr) {
    context.replies.reset(*originator, flow.key.reversed(), flow.tcp[1].end, flow.tcp[0].end,
                          context.now);
  }
  if (responder != nullptr) {
    context.replies.reset(*responder, flow.key, flow.tcp[0].end, flow.tcp[1].end, context.now);
  }
}

// The checks and the state that track left to be done once a stale flow is decided and its ends are
// known. False when the packet was dropped.
bool moves(Batch& batch, std::size_t i, const Flow& flow, StageContext& context) {
  const PacketInfo& info = batch.info[i];
  if (info.kind == PacketKind::IcmpError) return true;
  const bool is_reply = batch.is_reply[i];
  const DropReason wrong_port = check_port(batch, i, flow, is_reply, context.snapshot);
  if (wrong_port != None) {
    batch.drop(i, wrong_port);
    return false;
  }
  const std::uint32_t out_port = flow.port(!is_reply);
  if (is_too_big(batch, i, out_port, context.snapshot)) {
    refuse_too_big(batch, i, out_port, context);
    return false;
  }
  if (info.kind == PacketKind::LaterFragment) return true;
  const Tracked tracked = track_packet(context.flows, batch.flow[i], is_reply, info, context.now);
  if (tracked.reason == None && !tracked.reopens) return true;
  // Packets of this burst have ended the connection; a SYN will be sent again.
  batch.drop(i, tracked.reopens ? TcpBadState : tracked.reason);
  return false;
}

void commit_stale(Batch& batch, std::size_t i, std::uint32_t interval_s, StageContext& context) {
  Flow& flow = context.flows[batch.flow[i]];
  // Another packet of this burst had it cut. Nothing is inserted before all stale ones are done, so
  // the entry is still free.
  if (flow.age_class == AgeClass::None) return batch.drop(i, EstablishedCut);
  const Decisions& decisions = context.decisions;
  if (flow.epoch != context.epoch.value) {
    // An end whose port is not there (yet, after a restart) is not denied: the packet goes, the
    // flow is decided again on its next one.
    if (decisions.reason[i] == UnknownEndpoint || decisions.reason[i] == NoRoute) {
      return batch.drop(i, decisions.reason[i]);
    }
    ++context.epoch_rechecks;
    count_decisions(i, context);
    if (decisions.reason[i] != None) {
      context.events.flow_cut(flow, context.snapshot.revision, decisions.egress[i].slot,
                              decisions.ingress[i].slot, context.now);
      reset_both(flow, context);
      context.flows.erase(batch.flow[i]);
      return batch.drop(i, EstablishedCut);
    }
    if (flow.originator_port() != decisions.originator_port[i].value) {
      context.flows.move_originator(batch.flow[i], decisions.originator_port[i].value);
    }
    stamp(flow, i, context);
  }
  if (!moves(batch, i, flow, context)) return;
  account(batch, i, flow, interval_s, context);
}

void refuse(Batch& batch, std::size_t i, StageContext& context) {
  const Decisions& decisions = context.decisions;
  context.events.refused(
      {&batch.key[i], decisions.reason[i], context.snapshot.revision, batch.in_port[i],
       decisions.source[i], decisions.destination[i], decisions.egress[i].slot,
       decisions.ingress[i].slot, staged_differs(i, decisions), batch.info[i].l3_bytes},
      context.now);
  batch.drop(i, decisions.reason[i]);
}

void close(std::uint32_t slot, StageContext& context) {
  context.events.flow_closed(context.flows[slot], context.snapshot.revision, context.now);
  context.flows.erase(slot);
}

// The flow may exist by now: an earlier packet of this burst has opened it.
std::uint32_t opened_meanwhile(const Batch& batch, std::size_t i, StageContext& context) {
  const bool is_query = batch.info[i].kind == PacketKind::IcmpQuery;
  const FlowTable::Found found = context.flows.find(
      batch.key[i], is_query ? FlowTable::Match::Forward : FlowTable::Match::Either);
  return found.slot;
}

void open(Batch& batch, std::size_t i, std::uint32_t interval_s, StageContext& context) {
  const PortId port = context.decisions.originator_port[i];
  const bool is_capped = batch.source[i]->role == api::PortRole::Pod;
  const FlowTable::Room room = context.flows.room_for(port.value, is_capped, context.now);
  if (room.reason != None) return batch.drop(i, room.reason);
  if (room.recycle != kNoSlot) close(room.recycle, context);
  const std::uint32_t slot = context.flows.insert(batch.key[i], port.value, context.now);
  if (slot == kNoSlot) return batch.drop(i, FlowTableFull);
  begin_flow(context.flows, slot, batch.info[i]);
  Flow& flow = context.flows[slot];
  stamp(flow, i, context);
  flow.reported_s = static_cast<std::uint8_t>(milliseconds(context.now) / 1024);
  account(batch, i, flow, interval_s, context);
  context.events.flow_new(flow, context.snapshot.revision, context.now);
}

void commit_miss(Batch& batch, std::size_t i, std::uint32_t interval_s, StageContext& context) {
  count_decisions(i, context);
  if (context.decisions.reason[i] != None) return refuse(batch, i, context);
  const std::uint32_t out_port = context.decisions.responder_port[i].value;
  if (is_too_big(batch, i, out_port, context.snapshot)) {
    return refuse_too_big(batch, i, out_port, context);
  }
  const std::uint32_t slot = opened_meanwhile(batch, i, context);
  if (slot == kNoSlot) return open(batch, i, interval_s, context);
  // Either this burst opened it, or it is the finished flow that this SYN takes the place of.
  Flow& flow = context.flows[slot];
  batch.is_reply[i] = !(flow.key == batch.key[i]);
  const Tracked tracked =
      track_packet(context.flows, slot, batch.is_reply[i], batch.info[i], context.now);
  if (tracked.reason != None) return batch.drop(i, tracked.reason);
  if (!tracked.reopens) return account(batch, i, flow, interval_s, context);
  close(slot, context);
  batch.is_reply[i] = false;
  open(batch, i, interval_s, context);
}

}  // namespace

// Hits, then stale hits, then misses: a slot that an earlier stage found stays that flow's until
// all packets that named it are done, because only misses insert.
void commit(Batch& batch, StageContext& context) {
  const std::uint32_t interval_s = EventWriter::interval_s(context.flows.size());
  for (const std::size_t i : each_bit(batch.live & ~batch.undecided)) {
    account(batch, i, context.flows[batch.flow[i]], interval_s, context);
  }
  std::uint64_t misses = 0;
  for (const std::size_t i : each_bit(batch.live & batch.undecided)) {
    if (batch.track[i] == Track::Stale) {
      commit_stale(batch, i, interval_s, context);
    } else {
      misses |= std::uint64_t{1} << i;
    }
  }
  for (const std::size_t i : each_bit(misses)) commit_miss(batch, i, interval_s, context);
}

}  // namespace bulkhead::dataplane
