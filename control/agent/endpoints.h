// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/apply/plan.h"
#include "control/endpoint/registry.h"
#include "control/state/desired.h"
#include "policy/base/fd.h"

namespace bulkhead::control::agent {

using RecordPtr = std::shared_ptr<const endpoint::EndpointRecord>;

// A pod interface while the agent runs: the record, and duplicates of its TAP's queues.
class Endpoint {
 public:
  explicit Endpoint(endpoint::EndpointRecord its_record);

  enum class State : std::uint8_t {
    Wiring,  // on its way to the data plane
    Ready,   // acknowledged by every worker
    Closed,  // its device is gone; only DEL is left
  };
  [[nodiscard]] const endpoint::EndpointRecord& record() const { return *record_; }
  // Shared with whoever shows it; a new one is made for each record.
  [[nodiscard]] const RecordPtr& shared_record() const { return record_; }
  [[nodiscard]] const state::AttachedPtr& attached() const { return attached_; }
  [[nodiscard]] apply::PortWish wish() const;
  void set(endpoint::EndpointRecord record);

  std::vector<Fd> queues;  // empty: to be opened again when the data plane needs them
  State state = State::Wiring;
  std::string why_closed;
  bool is_leaving = false;  // a DEL is deleting its device at this moment

 private:
  // What follows from the record is made once: each change of anything asks for all of it.
  RecordPtr record_;
  state::AttachedPtr attached_;
  dataplane::api::AttachPort message_;
};

using Endpoints = std::map<endpoint::EndpointKey, Endpoint>;

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
