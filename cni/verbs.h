// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cni/error.h"
#include "cni/plugin.h"
#include "cni/request.h"

namespace bulkhead::cni {

// The verbs; each gives the text for standard output, and appends to `notes` what people should
// know though the call succeeds.

// Leases addresses, then has the agent attach the pod; whatever fails later gives them back.
// Errors: 11 when agent or data plane are not there in time, 100 when the agent refuses.
[[nodiscard]] Outcome<std::string> add(const Request& request, const Deadlines& deadlines,
                                       std::string& notes);

// Succeeds for the unknown and without an agent: then the link is deleted here and a tombstone
// tells the agent later. Errors: 5 when not even that can be written, and the IPAM plugin's.
[[nodiscard]] Outcome<std::string> del(const Request& request, const Deadlines& deadlines,
                                       std::string& notes);

// Compares prevResult with the lease and the agent. Errors: 1 for 0.3.1, which has no CHECK, 7
// without prevResult, 3 when the agent does not know the container, 102 on a difference.
[[nodiscard]] Outcome<std::string> check(const Request& request, const Deadlines& deadlines);

}  // namespace bulkhead::cni
