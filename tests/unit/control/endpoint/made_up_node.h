// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "control/endpoint/wiring.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/control/endpoint/private_network.h"

namespace bulkhead::control::endpoint {

inline HostLinkSettings dual_stack(const TemporaryFolder& folder) {
  HostLinkSettings settings;
  settings.pod_cidrs = {Prefix::parse("10.88.0.0/16")->prefix,
                        Prefix::parse("fd00:88::/64")->prefix};
  settings.record_folder = folder.path();
  return settings;
}

// Makes the calling thread's network a node: a loopback, and an uplink with addresses of both
// families whose other end is in `outside`.
inline void make_node(const PodNamespace& outside) {
  (void)output_of("ip link set lo up; ip link add f-uplink type veth peer name f-peer netns " +
                  outside.path());
  (void)outside.output(
      "ip link set lo up; ip link set f-peer up; ip addr add 192.0.2.1/24 dev f-peer;"
      "ip addr add fd00:2::1/64 dev f-peer nodad");
  (void)output_of(
      "ip link set f-uplink up; ip addr add 192.0.2.9/24 dev f-uplink;"
      "ip addr add fd00:2::9/64 dev f-uplink nodad");
}

// What `ip route get` says, on one line.
inline std::string route_to(const std::string& rest) { return output_of("ip route get " + rest); }

inline std::string everything() {
  return output_of(
      "ip -br link; ip route show table all; ip -6 route show table all; ip "
      "rule; "
      "ip -6 rule; nft list ruleset; cat /proc/sys/net/ipv4/ip_forward "
      "/proc/sys/net/ipv6/conf/*/forwarding /proc/sys/net/ipv6/conf/*/accept_ra");
}

}  // namespace bulkhead::control::endpoint
