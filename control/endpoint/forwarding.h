// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "policy/base/ip.h"
#include "policy/base/result.h"

// Making the node a router for its pods, and taking that back. IPv4 needs the uplink's forwarding
// as much as ours, and IPv6 has one switch for the machine, so both are global; what they were is
// recorded in a file first, one "NAME OLD NEW" a line.
namespace bulkhead::control::endpoint {

// Switches forwarding of a family on. An IPv6 router ignores router advertisements, and a node that
// has its default route from one would lose its network, so accept_ra goes from 1 to 2 first.
// An empty `record` records nothing. Repeats without harm.
[[nodiscard]] Status enable_forwarding(Family family, const std::filesystem::path& record);

// The record of another instance that routes for its pods on this network; none when there is none.
using FindHeir = std::function<Result<std::optional<std::filesystem::path>>()>;

// Puts back each value that is still as we left it, and removes the record. Succeeds without one.
// While another instance relies on the values they stay, and so does the record, in its own: the
// last one puts them back. Call it when this instance can no longer be found as an heir itself.
[[nodiscard]] Status restore_forwarding(const std::filesystem::path& record, const FindHeir& heir);

}  // namespace bulkhead::control::endpoint
