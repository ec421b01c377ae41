// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "policy/base/result.h"

// /proc/sys/net of the calling thread's network namespace.
namespace bulkhead::control::endpoint {

// "ipv6/conf/eth0/accept_ra" -> its value without the newline.
[[nodiscard]] Result<std::string> read_sysctl(std::string_view name);

enum class WriteOutcome {
  Written,
  ReadOnly,  // /proc/sys is mounted read-only, as in an unprivileged container
  Absent,    // this kernel does not know it
};
[[nodiscard]] Result<WriteOutcome> write_sysctl(std::string_view name, std::string_view value);

// No RA, no DAD, no RS, no kernel-made addresses on a device that is still down: the data plane is
// its only neighbour, and DAD alone would cost 2 s. Where /proc/sys is read-only the device has
// addr_gen_mode from RouteSocket::configure_link and its addresses are `nodad`, which covers what
// must hold; RAs never reach a port (data plane).
[[nodiscard]] Status quiet_ipv6(const std::string& device);

}  // namespace bulkhead::control::endpoint
