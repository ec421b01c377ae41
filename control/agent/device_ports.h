// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "control/apply/plan.h"
#include "control/config/config.h"
#include "control/state/desired.h"
#include "dataplane/api/messages.h"

namespace bulkhead::control::agent {

// The configuration's ethdev ports: pods that the data plane meets at a DPDK device instead of a
// TAP. They have no record on disk, nothing to wire and no descriptor. Thread: the control thread.
class DevicePorts {
 public:
  explicit DevicePorts(const std::vector<DevicePort>& configured);

  // What the data plane still holds keeps its generation when it is the same pod; false when this
  // port is none of ours as it is configured now. Call for each after forget().
  [[nodiscard]] bool adopt(const dataplane::api::AttachPort& held);
  void forget();
  // Gives each port that was not adopted a generation. Fails when none can be had.
  [[nodiscard]] Status renew(const std::function<Result<std::uint32_t>()>& next_generation);

  void add_wishes(apply::PortWishes& wishes) const;
  void add_pods(state::Attached& pods) const;
  // The pod that has this address for good.
  [[nodiscard]] std::optional<model::PodKey> owner_of(const IpAddress& address) const;

  struct Port {
    dataplane::api::AttachPort message;  // generation 0: not offered yet
    state::AttachedPtr pod;
  };
  [[nodiscard]] const std::vector<Port>& all() const { return ports_; }

 private:
  std::vector<Port> ports_;
};

}  // namespace bulkhead::control::agent
