// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "policy/base/result.h"

// What an instance is called in the kernel, so that two on one machine do not meet.
namespace bulkhead::control::endpoint {

struct HostNames {
  std::string node;     // bulkhead0, or bhINSTANCE0
  std::string outside;  // bulkhead1, or bhINSTANCE1
};
[[nodiscard]] HostNames host_names(const std::string& instance);

// Lower-case letters, digits and '-', short enough for a device name (15 characters).
[[nodiscard]] Status check_instance(const std::string& instance);

// The routing table of the node's own traffic: 5200 for the unnamed instance, else a number in
// 5201..65200 that follows from the name.
[[nodiscard]] std::uint32_t routing_table_of(const std::string& instance);

// Before `main` (32766), after `local` (0).
inline constexpr std::uint32_t kLocalTrafficRulePriority = 5200;

}  // namespace bulkhead::control::endpoint
