// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "cni/error.h"
#include "cni/ipam.h"
#include "cni/request.h"
#include "control/api/types.h"

// The JSON a runtime reads on standard output, one line each.
namespace bulkhead::cni {

// ADD's result in the configuration's version. Gateways are those the pod really has; routes are
// IPAM's destinations, or a default route a family when it names none.
[[nodiscard]] std::string result_json(const Request& request, const Lease& lease,
                                      const control::api::AttachmentReply& attached);

// `version` as the caller wrote it; answered with our newest when we do not speak it.
[[nodiscard]] std::string error_json(std::string_view version, const CniError& error);
[[nodiscard]] std::string version_json(std::string_view version);

}  // namespace bulkhead::cni
