// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow/track.h"

#include "dataplane/packet/wire.h"
#include "dataplane/stage/ends.h"
#include "dataplane/stage/stages.h"
#include "policy/base/protocol.h"

namespace bulkhead::dataplane {
namespace {

using enum DropReason;
using Match = FlowTable::Match;

// Fragments first: a later one goes on under its first's key, waits, or is dropped.
void follow_fragments(Batch& batch, StageContext& context) {
  for (const std::size_t i : each_bit(batch.live & batch.unusual)) {
    if (batch.info[i].fragment == FragmentKind::None) continue;
    const FragmentCache::Admission admission =
        context.fragments.admit(batch.mbuf[i], batch.in_port[i], batch.key[i], batch.info[i],
                                batch.is_released, context.now.monotonic_ns);
    switch (admission.answer) {
      case FragmentCache::Answer::Judge:
        batch.datagram[i] = admission.datagram;
        break;
      case FragmentCache::Answer::Follow:
        batch.key[i] = admission.first_key;
        batch.datagram[i] = admission.datagram;
        break;
      case FragmentCache::Answer::Hold:
        batch.settle(i, Fate::Hold);
        break;
      case FragmentCache::Answer::Drop:
        batch.drop(i, admission.reason);
        break;
    }
  }
}

// An echo with the same identifier the other way round is another flow: two pods may well ping each
// other with the same one, and a request must never pass as an answer.
Match match_of(const FlowKey& key, const PacketInfo& info) {
  if (key.protocol != kIcmp && key.protocol != kIcmpV6) return Match::Either;
  if (info.kind == PacketKind::LaterFragment) return Match::Either;
  const std::uint8_t type =
      info.kind == PacketKind::IcmpError ? info.embedded_type : info.icmp_type;
  return type == kEchoRequest || type == kEchoRequest6 ? Match::Forward : Match::Reverse;
}

void expect_decision(Batch& batch, std::size_t i, Track why) {
  batch.track[i] = why;
  batch.undecided |= std::uint64_t{1} << i;
}

void track_miss(Batch& batch, std::size_t i, bool picks_up) {
  const PacketInfo& info = batch.info[i];
  if (info.kind == PacketKind::LaterFragment) return batch.drop(i, FragmentOrphan);
  const DropReason reason = may_begin(batch.key[i], info, picks_up);
  if (reason != None) return batch.drop(i, reason);
  expect_decision(batch, i, Track::Miss);
  batch.flow[i] = kNoFlow;
  batch.is_reply[i] = false;
}

// `is_reply` is the embedded packet's direction; the error travels against it and changes nothing.
// It comes from where that packet was going, so nobody elsewhere can speak for a flow's end.
void track_error(Batch& batch, std::size_t i, const Flow& flow, bool is_reply,
                 const Snapshot& snapshot) {
  const std::uint32_t expected = flow.port(!is_reply);
  const std::uint32_t actual = batch.in_port[i].value;
  const bool both_host = is_host_port(snapshot, expected) && is_host_port(snapshot, actual);
  if (actual != expected && !both_host) return batch.drop(i, IcmpUnrelated);
  const bool is_tcp = flow.key.protocol == kTcp;
  if (is_tcp && !is_in_flight(flow, is_reply, batch.info[i].tcp_sequence)) {
    return batch.drop(i, IcmpUnrelated);
  }
  batch.is_reply[i] = !is_reply;
}

// A whole packet of an assured flow with a decision in force, from the port where its end sits,
// small enough for the way out: the flow goes on and nothing else is to be asked.
bool track_usual(Batch& batch, std::size_t i, FlowTable::Found found, StageContext& context) {
  Flow& flow = context.flows[found.slot];
  const bool is_current = flow.epoch == context.epoch.value;
  const bool is_at_home = batch.in_port[i].value == flow.port(found.is_reply);
  if (!(is_current & is_at_home)) return false;
  if (is_too_big(batch, i, flow.port(!found.is_reply), context.snapshot)) return false;
  if (!goes_on(flow, found.is_reply, batch.info[i], context.now)) return false;
  batch.track[i] = Track::Hit;
  batch.flow[i] = found.slot;
  batch.is_reply[i] = found.is_reply;
  return true;
}

void track_hit(Batch& batch, std::size_t i, FlowTable::Found found, StageContext& context) {
  const Flow& flow = context.flows[found.slot];
  const bool is_stale = flow.epoch != context.epoch.value;
  const PacketInfo& info = batch.info[i];
  batch.track[i] = Track::Hit;
  if (is_stale) expect_decision(batch, i, Track::Stale);
  batch.flow[i] = found.slot;
  if (info.kind == PacketKind::IcmpError) {
    return track_error(batch, i, flow, found.is_reply, context.snapshot);
  }
  batch.is_reply[i] = found.is_reply;
  // A pod may have been attached again elsewhere: a stale flow learns its ports in commit.
  const DropReason wrong_port = check_port(batch, i, flow, found.is_reply, context.snapshot);
  if (wrong_port != None && !(is_stale && wrong_port == StaleEndpoint)) {
    return batch.drop(i, wrong_port);
  }
  const std::uint32_t out_port = flow.port(!found.is_reply);
  if (!is_stale && is_too_big(batch, i, out_port, context.snapshot)) {
    return refuse_too_big(batch, i, out_port, context);
  }
  if (info.kind == PacketKind::LaterFragment) return;
  // Only a packet that passes may move the flow: policy judges a stale one first.
  const Tracked tracked =
      is_stale ? try_packet(flow, found.is_reply, info)
               : track_packet(context.flows, found.slot, found.is_reply, info, context.now);
  if (tracked.reason != None) return batch.drop(i, tracked.reason);
  if (tracked.reopens) {
    // commit closes the finished flow in batch.flow[i] when the new one is decided.
    expect_decision(batch, i, Track::Miss);
    batch.is_reply[i] = false;
  }
}

}  // namespace

void track(Batch& batch, StageContext& context) {
  batch.undecided = 0;
  follow_fragments(batch, context);
  std::array<Match, kBatchSize> match;
  std::array<FlowTable::Found, kBatchSize> found;
  match.fill(Match::Either);
  for (const std::size_t i : each_bit(batch.live & batch.unusual)) {
    match[i] = match_of(batch.key[i], batch.info[i]);
  }
  context.flows.find(batch.key, match, batch.live, found);
  const bool picks_up = context.now.monotonic_ns - context.flows.started_cold_ns() < kPickUpGraceNs;
  for (const std::size_t i : each_bit(batch.live)) {
    if (found[i].slot == kNoSlot) {
      track_miss(batch, i, picks_up);
    } else if ((batch.unusual >> i & 1) != 0 || !track_usual(batch, i, found[i], context)) {
      track_hit(batch, i, found[i], context);
    }
  }
}

}  // namespace bulkhead::dataplane
