// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "control/endpoint/namespace.h"
#include "control/endpoint/netlink.h"
#include "control/endpoint/sysctl.h"
#include "control/endpoint/tap.h"
#include "control/endpoint/wiring.h"

namespace bulkhead::control::endpoint {
namespace {

Status check(const PodLink& link) {
  if (link.netns_path.empty()) return fail("a pod's link needs the path of its network namespace");
  if (link.ips.empty()) return fail("{} has no address", link.ifname);
  const bool has_v6 =
      std::ranges::any_of(link.ips, [](const IpAddress& ip) { return ip.family == Family::V6; });
  const std::uint32_t least = has_v6 ? 1280 : 576;  // RFC 8200 section 5; RFC 791
  if (link.mtu < least || link.mtu > kMaxFrameBytes) {
    return fail("MTU {} is out of range ({} to {})", link.mtu, least, kMaxFrameBytes);
  }
  return {};
}

Status add_gateway(const RouteSocket& netlink, LinkIndex device, Family family,
                   const MacAddress& mac) {
  const IpAddress gateway = family == Family::V4 ? kGatewayV4 : kGatewayV6;
  const IpAddress any{{}, family};
  if (auto added = netlink.add_permanent_neighbour(device, gateway, mac); !added) return added;
  if (auto added = netlink.add_route({Prefix::host(gateway), device, {}}); !added) return added;
  // Another interface's default route is not ours to take.
  return netlink.add_route({*Prefix::make(any, 0), device, gateway}, IfPresent::Fail);
}

Status configure(const PodLink& link) {
  auto netlink = RouteSocket::open();
  if (!netlink) return tl::unexpected(netlink.error());
  const LinkIndex device = link_index(link.ifname);
  if (auto set = quiet_ipv6(link.ifname); !set) return set;
  if (auto set = netlink->configure_link(device, link.mtu, link.mac); !set) return set;
  if (auto set = netlink->set_noqueue(device); !set) return set;
  if (auto up = netlink->bring_up(link_index("lo")); !up) return up;
  if (auto up = netlink->bring_up(device); !up) return up;
  for (const auto& ip : link.ips) {
    if (auto added = netlink->add_host_address(device, ip); !added) return added;
  }
  for (const Family family : {Family::V4, Family::V6}) {
    const bool is_used = std::ranges::any_of(
        link.ips, [family](const IpAddress& ip) { return ip.family == family; });
    if (!is_used) continue;
    if (auto added = add_gateway(*netlink, device, family, link.gateway_mac); !added) return added;
  }
  return {};
}

// Until it is made persistent, the device vanishes with its descriptors: whichever step fails,
// and whenever the agent dies, nothing stays behind.
Result<WiredLink> wire_here(const PodLink& link) {
  auto queues = open_tap(link.ifname, link.queues, TapOpen::CreateNew);
  if (!queues) return tl::unexpected(queues.error());
  if (auto configured = configure(link); !configured) return tl::unexpected(configured.error());
  if (auto kept = make_persistent(queues->front()); !kept) return tl::unexpected(kept.error());
  return WiredLink{std::move(*queues), current_netns_inode()};
}

Status unwire_here(const std::string& ifname) {
  auto netlink = RouteSocket::open();
  if (!netlink) return tl::unexpected(netlink.error());
  const auto kind = netlink->link_kind(ifname);
  if (!kind) return tl::unexpected(kind.error());
  if (*kind != "tun") return {};
  return netlink->delete_link(link_index(ifname));
}

}  // namespace

Result<WiredLink> wire_pod(const PodLink& link) {
  if (auto checked = check(link); !checked) return tl::unexpected(checked.error());
  auto wired = in_namespace(link.netns_path, [&] { return wire_here(link); });
  if (!wired) return in_context(fmt::format("cannot wire {}", link.ifname), wired.error());
  return wired;
}

Status unwire_pod(const std::string& netns_path, const std::string& ifname) {
  const std::uint64_t inode = netns_inode(netns_path);
  if (inode == 0 || inode == current_netns_inode()) return {};
  return in_namespace(netns_path, [&] { return unwire_here(ifname); });
}

Result<std::vector<Fd>> reopen_link(const std::string& netns_path, const std::string& ifname,
                                    std::size_t queues) {
  return in_namespace(netns_path, [&] { return open_tap(ifname, queues, TapOpen::ReopenOnly); });
}

}  // namespace bulkhead::control::endpoint
