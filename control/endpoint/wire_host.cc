// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "control/endpoint/forwarding.h"
#include "control/endpoint/host_names.h"
#include "control/endpoint/instances.h"
#include "control/endpoint/namespace.h"
#include "control/endpoint/netlink.h"
#include "control/endpoint/nftables.h"
#include "control/endpoint/sysctl.h"
#include "control/endpoint/tap.h"
#include "control/endpoint/wiring.h"

namespace bulkhead::control::endpoint {
namespace {

constexpr MacAddress kNodeMac{0x02, 0x62, 0x68, 0x00, 0x01, 0x00};
constexpr MacAddress kOutsideMac{0x02, 0x62, 0x68, 0x00, 0x01, 0x01};
constexpr std::uint32_t kMainTable = 254;  // RT_TABLE_MAIN

// What bulkhead0 is given in a family in which the node has no address of its own, so that probes
// and logs of IPv6 pods work on an IPv4 node and the other way round. Not 169.254.1.1: that
// address is the data plane's.
constexpr IpAddress kLastResortV4 = IpAddress::v4(169, 254, 1, 2);
constexpr IpAddress kLastResortV6{
    {0xfd, 0x62, 0x75, 0x6c, 0x6b, 0x68, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, Family::V6};

bool has_family(const std::vector<Prefix>& prefixes, Family family) {
  return std::ranges::any_of(prefixes, [family](const Prefix& p) { return p.family() == family; });
}

std::filesystem::path record_of(const HostLinkSettings& settings) {
  if (settings.record_folder.empty()) return {};
  const std::string suffix = settings.instance.empty() ? "" : "-" + settings.instance;
  return settings.record_folder / ("host-sysctls" + suffix);
}

Status check(const HostLinkSettings& settings) {
  if (auto checked = check_instance(settings.instance); !checked) return checked;
  if (settings.mtu < 1280 || settings.mtu > kMaxFrameBytes) {
    return fail("MTU {} is out of range (1280 to {})", settings.mtu, kMaxFrameBytes);
  }
  return {};
}

// Only of our own device. Loose reverse-path filtering whatever the machine's is (the larger of
// both counts): an answer to a masqueraded client comes back by the other device.
Status set_device_sysctls(const std::string& device) {
  for (const auto& [name, value] :
       {std::pair{fmt::format("ipv4/conf/{}/rp_filter", device), "2"},
        std::pair{fmt::format("ipv4/conf/{}/forwarding", device), "1"},
        std::pair{fmt::format("ipv4/conf/{}/accept_redirects", device), "0"},
        std::pair{fmt::format("ipv6/conf/{}/forwarding", device), "1"},
        std::pair{fmt::format("ipv6/conf/{}/accept_redirects", device), "0"}}) {
    if (auto written = write_sysctl(name, value); !written) {
      return tl::unexpected(written.error());
    }
  }
  return {};
}

struct Opened {
  std::vector<Fd> queues;
  bool is_new = false;
};

// Takes over the device of an earlier agent, or makes a new one. One that cannot be taken over (by
// an older version with other flags) is replaced.
Result<Opened> open_device(const RouteSocket& netlink, const std::string& name,
                           std::size_t queues) {
  const auto kind = netlink.link_kind(name);
  if (!kind) return tl::unexpected(kind.error());
  if (*kind && **kind != "tun") return fail("{} exists and is not a TAP", name);
  if (queues == 0) {
    if (*kind) return Opened{};
    return fail("{} is gone, its queues lead nowhere", name);
  }
  if (*kind) {
    if (auto reopened = open_tap(name, queues, TapOpen::ReopenOnly)) {
      return Opened{std::move(*reopened), false};
    }
    if (auto deleted = netlink.delete_link(link_index(name)); !deleted) {
      return tl::unexpected(deleted.error());
    }
  }
  auto created = open_tap(name, queues, TapOpen::CreateNew);
  if (!created) return tl::unexpected(created.error());
  return Opened{std::move(*created), true};
}

Status configure_device(const RouteSocket& netlink, const std::string& name, const Opened& opened,
                        std::uint32_t mtu, const MacAddress& mac) {
  const LinkIndex device = link_index(name);
  if (opened.is_new) {
    if (auto quiet = quiet_ipv6(name); !quiet) return quiet;
    if (auto set = netlink.set_noqueue(device); !set) return set;
  }
  if (auto set = netlink.configure_link(device, mtu, mac); !set) return set;
  if (auto set = set_device_sysctls(name); !set) return set;
  return netlink.bring_up(device);
}

// The table's routes to the pods by this device, and no others.
Status set_pod_routes(const RouteSocket& netlink, const std::vector<Prefix>& pod_cidrs,
                      LinkIndex device, std::uint32_t table) {
  const auto routes = netlink.routes_of_table(table);
  if (!routes) return tl::unexpected(routes.error());
  for (const auto& route : *routes) {
    const bool is_ours =
        route.device == device && (route.gateway == kGatewayV4 || route.gateway == kGatewayV6);
    const bool is_wanted = std::ranges::find(pod_cidrs, route.destination) != pod_cidrs.end();
    if (!is_ours || is_wanted) continue;
    if (auto deleted = netlink.delete_route(route); !deleted) return deleted;
  }
  for (const auto& cidr : pod_cidrs) {
    const IpAddress gateway = cidr.family() == Family::V4 ? kGatewayV4 : kGatewayV6;
    if (auto added = netlink.add_permanent_neighbour(device, gateway, kGatewayMac); !added) {
      return added;
    }
    if (auto added = netlink.add_route({cidr, device, gateway, table}); !added) return added;
  }
  return {};
}

// The kernel takes a source from any device when bulkhead0 has none, which is what we want: the
// node speaks to its pods with the address the world knows it by.
Status ensure_source_address(const RouteSocket& netlink, LinkIndex node_device, Family family) {
  const auto addresses = netlink.addresses();
  if (!addresses) return tl::unexpected(addresses.error());
  const bool has_address = std::ranges::any_of(*addresses, [family](const LinkAddress& a) {
    return a.is_global && a.address.family == family;
  });
  if (has_address) return {};
  return netlink.add_host_address(node_device,
                                  family == Family::V4 ? kLastResortV4 : kLastResortV6);
}

Status route_pods(const RouteSocket& netlink, const HostLinkSettings& settings) {
  const HostNames names = host_names(settings.instance);
  const LinkIndex node = link_index(names.node);
  const std::uint32_t local_table = routing_table_of(settings.instance);
  const auto& cidrs = settings.pod_cidrs;
  const auto record = record_of(settings);
  if (!record.empty()) {
    if (auto announced = announce_record(netlink, names.node, record); !announced) return announced;
  }
  if (auto set = set_pod_routes(netlink, cidrs, link_index(names.outside), kMainTable); !set) {
    return set;
  }
  if (auto set = set_pod_routes(netlink, cidrs, node, local_table); !set) return set;
  for (const Family family : {Family::V4, Family::V6}) {
    if (!has_family(cidrs, family)) continue;
    const LocalTrafficRule rule{family, local_table, kLocalTrafficRulePriority};
    if (auto added = netlink.add_rule(rule); !added) return added;
    if (auto added = ensure_source_address(netlink, node, family); !added) return added;
    if (auto on = enable_forwarding(family, record); !on) return on;
  }
  if (settings.masquerade && !cidrs.empty()) return apply_masquerade(settings);
  return delete_masquerade(settings.instance);
}

Status configure(const RouteSocket& netlink, const HostLinkSettings& settings, const Opened& node,
                 const Opened& outside) {
  const HostNames names = host_names(settings.instance);
  if (auto set = configure_device(netlink, names.node, node, settings.mtu, kNodeMac); !set) {
    return set;
  }
  if (auto set = configure_device(netlink, names.outside, outside, settings.mtu, kOutsideMac);
      !set) {
    return set;
  }
  if (auto routed = route_pods(netlink, settings); !routed) return routed;
  for (const Opened* opened : {&node, &outside}) {
    if (opened->queues.empty()) continue;
    if (auto kept = make_persistent(opened->queues.front()); !kept) return kept;
  }
  return {};
}

Result<HostLinks> wire(const HostLinkSettings& settings) {
  if (auto checked = check(settings); !checked) return tl::unexpected(checked.error());
  auto netlink = RouteSocket::open();
  if (!netlink) return tl::unexpected(netlink.error());
  const HostNames names = host_names(settings.instance);
  auto node = open_device(*netlink, names.node, settings.queues);
  if (!node) return tl::unexpected(node.error());
  auto outside = open_device(*netlink, names.outside, settings.queues);
  if (!outside) return tl::unexpected(outside.error());
  if (auto configured = configure(*netlink, settings, *node, *outside); !configured) {
    // What an earlier agent made stays in force; a first start leaves nothing behind.
    if (node->is_new && outside->is_new) (void)unwire_host(settings);
    return tl::unexpected(configured.error());
  }
  const std::uint64_t inode = current_netns_inode();
  return HostLinks{WiredLink{std::move(node->queues), inode},
                   WiredLink{std::move(outside->queues), inode},
                   kNodeMac,
                   kOutsideMac,
                   names.node,
                   names.outside};
}

Status delete_device(const RouteSocket& netlink, const std::string& name) {
  const auto kind = netlink.link_kind(name);
  if (!kind) return tl::unexpected(kind.error());
  return *kind == "tun" ? netlink.delete_link(link_index(name)) : Status{};
}

}  // namespace

Result<HostLinks> wire_host(const HostLinkSettings& settings) {
  auto wired = wire(settings);
  if (!wired) return in_context("cannot wire the node", wired.error());
  return wired;
}

Status unwire_host(const HostLinkSettings& settings) {
  if (auto checked = check_instance(settings.instance); !checked) return checked;
  auto netlink = RouteSocket::open();
  if (!netlink) return tl::unexpected(netlink.error());
  const HostNames names = host_names(settings.instance);
  const std::uint32_t table = routing_table_of(settings.instance);
  // Everything is tried; the first failure is reported. Routes and addresses go with the devices.
  const Status outcomes[] = {
      netlink->delete_rule({Family::V4, table, kLocalTrafficRulePriority}),
      netlink->delete_rule({Family::V6, table, kLocalTrafficRulePriority}),
      delete_device(*netlink, names.node),
      delete_device(*netlink, names.outside),
      delete_masquerade(settings.instance),
      restore_forwarding(record_of(settings),
                         [&] { return record_of_another(*netlink, names.node); }),
  };
  for (const auto& outcome : outcomes) {
    if (!outcome) return in_context("cannot unwire the node", outcome.error());
  }
  return {};
}

Result<std::vector<IpAddress>> node_addresses() {
  const auto netlink = RouteSocket::open();
  if (!netlink) return tl::unexpected(netlink.error());
  const auto addresses = netlink->addresses();
  if (!addresses) return tl::unexpected(addresses.error());
  std::vector<IpAddress> found;
  for (const auto& address : *addresses) {
    if (address.is_global) found.push_back(address.address);
  }
  std::ranges::sort(found);
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

Result<std::uint32_t> uplink_mtu() {
  const auto netlink = RouteSocket::open();
  if (!netlink) return tl::unexpected(netlink.error());
  const auto routes = netlink->routes_of_table(kMainTable);
  if (!routes) return tl::unexpected(routes.error());
  std::optional<std::uint32_t> least;
  for (const auto& route : *routes) {
    if (route.destination.length() != 0 || route.device == 0) continue;
    const auto mtu = netlink->link_mtu(route.device);
    if (!mtu) return tl::unexpected(mtu.error());
    least = std::min(least.value_or(kMaxFrameBytes), *mtu);
  }
  return least.value_or(1500);
}

}  // namespace bulkhead::control::endpoint
