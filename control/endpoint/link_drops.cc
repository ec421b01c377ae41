// SPDX-License-Identifier: Apache-2.0
#include "control/endpoint/link_drops.h"

#include <fcntl.h>

#include <thread>

#include "control/endpoint/namespace.h"
#include "control/endpoint/netlink.h"
#include "control/endpoint/wiring.h"

namespace bulkhead::control::endpoint {
namespace {

// A socket belongs to the namespace that its thread was in when it was made.
std::optional<std::uint64_t> drops_here(const std::string& ifname) {
  const auto netlink = RouteSocket::open();
  if (!netlink) return std::nullopt;
  const auto drops = netlink->link_drops(ifname);
  if (!drops) return std::nullopt;
  return *drops;
}

std::optional<std::uint64_t> drops_at(const LinkPlace& place) {
  if (netns_inode(place.netns_path) != place.netns_inode) return std::nullopt;
  const Fd fd(::open(place.netns_path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open() || !enter_namespace(fd)) return std::nullopt;
  // The path may have changed hands between look and open.
  if (current_netns_inode() != place.netns_inode) return std::nullopt;
  return drops_here(place.ifname);
}

}  // namespace

std::vector<std::optional<std::uint64_t>> link_drops(const std::vector<LinkPlace>& places) {
  std::vector<std::optional<std::uint64_t>> drops(places.size());
  bool has_pods = false;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (places[i].netns_path.empty()) drops[i] = drops_here(places[i].ifname);
    has_pods = has_pods || !places[i].netns_path.empty();
  }
  if (!has_pods) return drops;
  std::thread([&] {
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (!places[i].netns_path.empty()) drops[i] = drops_at(places[i]);
    }
  }).join();
  return drops;
}

}  // namespace bulkhead::control::endpoint
