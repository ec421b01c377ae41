// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "control/endpoint/netlink.h"

// Instances on one machine know each other by their node ports (bulkhead0, bhx0): each says there,
// where `ip link` shows it, in which file it recorded the sysctls that it changed for all. What the
// kernel says of a network ends with the network; a file would outlive it.
namespace bulkhead::control::endpoint {

// Before the instance looks at what it would change. `record`: at most 200 bytes.
[[nodiscard]] Status announce_record(const RouteSocket& netlink, const std::string& node_port,
                                     const std::filesystem::path& record);

// The record of an instance other than the one whose node port is `own`.
[[nodiscard]] Result<std::optional<std::filesystem::path>> record_of_another(
    const RouteSocket& netlink, const std::string& own);

}  // namespace bulkhead::control::endpoint
