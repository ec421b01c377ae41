// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/apply/plan.h"
#include "control/endpoint/registry.h"
#include "control/state/desired.h"
#include "policy/base/fd.h"

namespace bulkhead::control::agent {

// A pod interface while the agent runs: the record, and duplicates of its TAP's queues.
struct Endpoint {
  enum class State : std::uint8_t {
    Wiring,  // on its way to the data plane
    Ready,   // acknowledged by every worker
    Closed,  // its device is gone; only DEL is left
  };
  endpoint::EndpointRecord record;
  std::vector<Fd> queues;  // empty: to be opened again when the data plane needs them
  State state = State::Wiring;
  std::string why_closed;
  bool is_leaving = false;  // a DEL is deleting its device at this moment
};

using Endpoints = std::map<endpoint::EndpointKey, Endpoint>;

[[nodiscard]] apply::PortWish port_wish(const Endpoint& endpoint);
[[nodiscard]] state::AttachedPod attached_pod(const endpoint::EndpointRecord& record);
[[nodiscard]] model::PodKey pod_of(const endpoint::EndpointRecord& record);

// One of the node's own two devices.
[[nodiscard]] apply::PortWish host_port_wish(PortId port, dataplane::api::PortRole role,
                                             const std::string& name,
                                             const endpoint::MacAddress& mac,
                                             const std::vector<Fd>& queues, std::uint32_t mtu,
                                             std::uint32_t generation);

// True when the descriptor is a TAP queue of that name.
[[nodiscard]] bool is_queue_of(const Fd& queue, const std::string& device);

}  // namespace bulkhead::control::agent
