// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/packet/batch.h"
#include "dataplane/stage/context.h"

// What track and commit both ask about the ends of a packet's flow.
namespace bulkhead::dataplane {

[[nodiscard]] inline bool is_host_port(const Snapshot& snapshot, std::uint32_t port) {
  return port != 0 && (port == snapshot.node_port.value || port == snapshot.outside_port.value);
}

// The flow's packets come in where its ends sit. Pods were bound to their addresses already; what
// the host sends is told apart here: an outside packet never rides on a flow of the node's own, and
// no host packet on a pod's side of a flow. Answers from a host address may take either host port
// (the host may have translated what the pod asked for). StaleEndpoint: another pod's port.
[[nodiscard]] inline DropReason check_port(const Batch& batch, std::size_t i, const Flow& flow,
                                           bool is_reply, const Snapshot& snapshot) {
  const std::uint32_t expected = flow.port(is_reply);
  if (batch.in_port[i].value == expected) return DropReason::None;
  if (batch.source[i]->role == api::PortRole::Pod) return DropReason::StaleEndpoint;
  return is_reply && is_host_port(snapshot, expected) ? DropReason::None : DropReason::SpoofedIp;
}

// Headers + gso_size against the MTU of the way out; a port that is gone is forward's business.
[[nodiscard]] inline bool is_too_big(const Batch& batch, std::size_t i, std::uint32_t out_port,
                                     const Snapshot& snapshot) {
  const Endpoint* const out = snapshot.endpoint_at(PortId{out_port});
  return out != nullptr && batch.info[i].mtu_bytes > out->mtu;
}

// Drops the packet and tells its sender the MTU of out_port.
void refuse_too_big(Batch& batch, std::size_t i, std::uint32_t out_port, StageContext& context);

}  // namespace bulkhead::dataplane
