// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bulkhead::control::endpoint {

struct LinkPlace {
  std::string netns_path;  // empty: the node's own
  std::uint64_t netns_inode = 0;
  std::string ifname;
};

// Frames that the kernel dropped at each device, either way (struct rtnl_link_stats64: rx_dropped
// and tx_dropped; of a TAP, "tx" is towards us), by position. Nothing where the device or its
// namespace is not there any more. One helper thread walks through all namespaces; some 50 us each.
// Thread: any.
[[nodiscard]] std::vector<std::optional<std::uint64_t>> link_drops(
    const std::vector<LinkPlace>& places);

}  // namespace bulkhead::control::endpoint
