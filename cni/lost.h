// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "cni/plugin.h"
#include "cni/request.h"

namespace bulkhead::cni {

// Runs IPAM's DEL, with this call's configuration, for every attachment of its network that the
// agent lost without a DEL, and confirms each to the agent. Answers how many; what fails is tried
// again by the next ADD and goes to `notes`. Hold the LeaseLock alone.
std::size_t release_lost(const Request& request, const Deadlines& deadlines, std::string& notes);

}  // namespace bulkhead::cni
