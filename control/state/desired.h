// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "control/state/quarantine.h"
#include "control/state/store.h"
#include "policy/base/ids.h"
#include "policy/base/result.h"
#include "policy/model/cluster.h"

namespace bulkhead::control::state {

// A pod interface on this node, as far as policy needs to know it.
struct AttachedPod {
  model::PodKey pod;
  std::string uid;       // may be empty
  model::Labels labels;  // of the attachment; the inventory's win
  std::vector<IpAddress> ips;
  PortId port;
};

// Everything the wished state is a function of.
struct Inputs {
  Accepted accepted;
  std::vector<AttachedPod> attached;
  Quarantines quarantines;
  model::Settings settings;
  std::vector<IpAddress> node_addresses;
};

// Where an address lives.
struct Place {
  model::PodKey pod;
  PortId port;  // 0 = not on this node
  friend bool operator==(const Place&, const Place&) = default;
};

// The state that the data plane ought to be in.
struct Desired {
  model::Cluster cluster;
  std::set<model::PodKey> local;  // subjects: the live pods attached here
  std::map<IpAddress, Place> addresses;
  std::set<IpAddress> node_addresses;
  std::vector<std::string> warnings;
};

// desired = f(state). Pure: the same inputs give the same state, whatever order they arose in.
// A pod attached here takes labels, service account and named ports from the inventory (when the
// UIDs do not contradict), its addresses from IPAM. An address belongs to the attached pod that
// claims it, before any other. Finished pods leave. Fails only where objects contradict each other.
[[nodiscard]] Result<Desired> desired(const Inputs& inputs);

}  // namespace bulkhead::control::state
