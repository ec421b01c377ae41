// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "control/state/accepted.h"
#include "control/state/quarantine.h"
#include "policy/base/ids.h"
#include "policy/compile/compile.h"
#include "policy/model/cluster.h"

namespace bulkhead::control::state {

// A pod interface on this node, as far as policy needs to know it.
struct AttachedPod {
  model::PodKey pod;
  std::string uid;       // may be empty
  model::Labels labels;  // of the attachment; the inventory's win
  std::vector<IpAddress> ips;
  PortId port;  // not 0
};
using AttachedPtr = std::shared_ptr<const AttachedPod>;
using Attached = model::SharedMap<PortId, AttachedPtr>;

// Everything the wished state is a function of. A value, cheap to copy.
struct Inputs {
  Accepted accepted;
  Attached attached;
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

// The state that the data plane ought to be in. A value, cheap to copy.
struct Desired {
  model::Cluster cluster;
  // Subjects: the live pods attached here. Never null; shared by versions that have the same.
  std::shared_ptr<const compile::LocalPods> local =
      std::make_shared<const compile::LocalPods>(std::in_place);
  model::SharedMap<IpAddress, Place> addresses;
  std::set<IpAddress> node_addresses;
  std::vector<std::string> warnings;
};

// desired = f(state). Pure: the same inputs give the same state, whatever order they arose in.
// A pod attached here takes labels, service account and named ports from the inventory (when the
// UIDs do not contradict), its addresses from IPAM. An address belongs to the attached pod that
// claims it, before any other; of several, to the first by port, of pods elsewhere to the first by
// name. Finished pods leave.
[[nodiscard]] Desired desired(const Inputs& inputs);

}  // namespace bulkhead::control::state
