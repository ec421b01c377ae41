// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <span>

#include "dataplane/publish/address_map.h"
#include "dataplane/stage/stages.h"
#include "policy/base/protocol.h"

namespace bulkhead::dataplane {
namespace {

using enum DropReason;
using api::PortRole;

// The packets of a burst that need a decision, packed.
struct Open {
  std::size_t count = 0;
  std::array<std::uint8_t, kBatchSize> packet;
  std::array<IpAddress, kBatchSize> source;
  std::array<IpAddress, kBatchSize> destination;
  std::array<AddressRecord, kBatchSize> source_record;
  std::array<AddressRecord, kBatchSize> destination_record;
};

const FlowKey& tuple_of(const Batch& batch, std::size_t i, const StageContext& context) {
  return batch.track[i] == Track::Stale ? context.flows[batch.flow[i]].key : batch.key[i];
}

// Who an address is, for policies. The map knows pods, here and elsewhere; a node's address is an
// ordinary one outside unless the node itself speaks (bulkhead0).
IdentityId identity_of(const IpAddress& address, const AddressRecord& record,
                       const StageContext& context) {
  if (record.is_known && !record.is_node) return record.identity;
  return context.snapshot.table->outside_identity(address);
}

DropReason place_source(std::size_t i, const IpAddress& address, const AddressRecord& record,
                        PortRole role, StageContext& context) {
  Decisions& decisions = context.decisions;
  const bool is_local = record.is_known && !record.is_node && record.port.value != 0;
  switch (role) {
    case PortRole::Pod:
      if (!is_local || record.port != decisions.originator_port[i]) return UnknownPeer;
      break;
    case PortRole::Node:
      if (!record.is_node) return SpoofedIp;
      decisions.source[i] = kOwnNodeIdentity;
      return None;
    case PortRole::Outside:
      if (is_local) return SpoofedIp;
      break;
  }
  decisions.source[i] = identity_of(address, record, context);
  return decisions.source[i] == kUnknownIdentity ? UnknownPeer : None;
}

DropReason place_destination(std::size_t i, const IpAddress& address, const AddressRecord& record,
                             StageContext& context) {
  Decisions& decisions = context.decisions;
  const Snapshot& snapshot = context.snapshot;
  decisions.destination[i] = identity_of(address, record, context);
  if (decisions.destination[i] == kUnknownIdentity) return UnknownPeer;
  const bool is_local = record.is_known && !record.is_node && record.port.value != 0;
  if (is_local) {
    const Endpoint* const endpoint = snapshot.endpoint_at(record.port);
    if (endpoint == nullptr || endpoint->role != PortRole::Pod) return UnknownEndpoint;
    decisions.responder_port[i] = record.port;
  } else {
    decisions.responder_port[i] = record.is_node ? snapshot.node_port : snapshot.outside_port;
    if (decisions.responder_port[i].value == 0) return NoRoute;
  }
  return decisions.responder_port[i] == decisions.originator_port[i] ? SamePort : None;
}

// Where the originator sits now: a pod may have been attached again, elsewhere.
PortId originator_port(const Batch& batch, std::size_t i, const AddressRecord& source,
                       const StageContext& context) {
  if (batch.track[i] == Track::Miss) return batch.in_port[i];
  if (source.is_known && !source.is_node && source.port.value != 0) return source.port;
  return PortId{context.flows[batch.flow[i]].originator_port()};
}

// established: keep. Only who the ends are is looked at again, never what policies say.
bool keeps_decision(const Batch& batch, std::size_t i, const StageContext& context) {
  if (batch.track[i] != Track::Stale || context.snapshot.reevaluate_established) return false;
  const Flow& flow = context.flows[batch.flow[i]];
  return flow.source_identity == context.decisions.source[i].value &&
         flow.destination_identity == context.decisions.destination[i].value;
}

DropReason place(const Batch& batch, std::size_t i, const Open& open, std::size_t n,
                 StageContext& context) {
  Decisions& decisions = context.decisions;
  decisions.originator_port[i] = originator_port(batch, i, open.source_record[n], context);
  decisions.responder_port[i] = PortId{};
  decisions.source[i] = decisions.destination[i] = kUnknownIdentity;
  decisions.egress[i] = decisions.ingress[i] = table::Decision{};
  decisions.has_egress[i] = decisions.has_ingress[i] = false;
  const Endpoint* const origin = context.snapshot.endpoint_at(decisions.originator_port[i]);
  if (origin == nullptr) return UnknownEndpoint;
  DropReason reason = place_source(i, open.source[n], open.source_record[n], origin->role, context);
  if (reason != None) return reason;
  reason = place_destination(i, open.destination[n], open.destination_record[n], context);
  if (reason != None) return reason;
  const Endpoint* const target = context.snapshot.endpoint_at(decisions.responder_port[i]);
  if (target == nullptr) return NoRoute;
  const bool from_pod = origin->role == PortRole::Pod;
  const bool to_pod = target->role == PortRole::Pod;
  if (!from_pod && !to_pod) return NoRoute;  // we route for pods only
  if (keeps_decision(batch, i, context)) return None;
  decisions.has_egress[i] = from_pod;
  decisions.has_ingress[i] = to_pod;
  return None;
}

void decide(const Batch& batch, const Open& open, Direction direction, StageContext& context) {
  Decisions& decisions = context.decisions;
  const bool is_egress = direction == Direction::Egress;
  std::array<table::Query, kBatchSize> queries;
  std::array<table::Decision, kBatchSize> answers;
  std::array<std::uint8_t, kBatchSize> asker;
  std::size_t count = 0;
  for (std::size_t n = 0; n < open.count; ++n) {
    const std::size_t i = open.packet[n];
    if (decisions.reason[i] != None) continue;
    if (!(is_egress ? decisions.has_egress[i] : decisions.has_ingress[i])) continue;
    const FlowKey& key = tuple_of(batch, i, context);
    const std::uint16_t port =
        has_ports(key.protocol) ? key.destination_port.host() : std::uint16_t{0};
    const IdentityId subject = is_egress ? decisions.source[i] : decisions.destination[i];
    const IdentityId peer = is_egress ? decisions.destination[i] : decisions.source[i];
    queries[count] = {subject, peer, port, key.protocol};
    asker[count++] = static_cast<std::uint8_t>(i);
  }
  if (count == 0) return;
  table::lookup(*context.snapshot.table, direction, std::span(queries).first(count),
                std::span(answers).first(count));
  for (std::size_t n = 0; n < count; ++n) {
    const std::size_t i = asker[n];
    (is_egress ? decisions.egress : decisions.ingress)[i] = answers[n];
    if (answers[n].verdict != Verdict::Allow) {
      decisions.reason[i] = is_egress ? DeniedEgress : DeniedIngress;
    }
  }
}

}  // namespace

void classify(Batch& batch, StageContext& context) {
  const std::uint64_t asking = batch.live & batch.undecided;
  if (asking == 0) return;
  Open open;
  for (const std::size_t i : each_bit(asking)) {
    if (context.snapshot.table == nullptr || context.snapshot.addresses == nullptr) {
      batch.drop(i, NoTable);
      continue;
    }
    const FlowKey& key = tuple_of(batch, i, context);
    open.source[open.count] = key.source_ip();
    open.destination[open.count] = key.destination_ip();
    open.packet[open.count++] = static_cast<std::uint8_t>(i);
  }
  if (open.count == 0) return;
  const AddressMap& addresses = *context.snapshot.addresses;
  addresses.lookup(std::span(open.source).first(open.count),
                   std::span(open.source_record).first(open.count));
  addresses.lookup(std::span(open.destination).first(open.count),
                   std::span(open.destination_record).first(open.count));
  for (std::size_t n = 0; n < open.count; ++n) {
    const std::size_t i = open.packet[n];
    context.decisions.reason[i] = place(batch, i, open, n, context);
  }
  decide(batch, open, Direction::Egress, context);
  decide(batch, open, Direction::Ingress, context);
}

}  // namespace bulkhead::dataplane
