// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/endpoint/wiring.h"
#include "policy/base/ip.h"
#include "policy/base/result.h"

struct nl_sock;

// The door to libnl. Each call is one rtnetlink request, answered before it returns.
namespace bulkhead::control::endpoint {

using LinkIndex = unsigned;

struct Route {
  Prefix destination;
  LinkIndex device = 0;
  std::optional<IpAddress> gateway;  // taken as on-link: the device has no subnet
  std::uint32_t table = 254;         // RT_TABLE_MAIN
};

// `ip rule iif lo lookup TABLE`: applies to what this node originates.
struct LocalTrafficRule {
  Family family = Family::V4;
  std::uint32_t table = 0;
  std::uint32_t priority = 0;
};

struct LinkAddress {
  IpAddress address;
  LinkIndex device = 0;
  bool is_global = false;  // scope global or site: may be a source for other networks
};

// What an administrator reads in `ip link` under a device's name (IFLA_IFALIAS).
struct LinkAlias {
  std::string link;
  std::string alias;
};

enum class IfPresent { Replace, Fail };

// A NETLINK_ROUTE socket of the network namespace of the thread that opens it. "add" repeats
// without harm (what is there is replaced) unless told to fail, "delete" succeeds for the absent.
class RouteSocket {
 public:
  [[nodiscard]] static Result<RouteSocket> open();

  // Kind as in `ip link add type KIND` ("tun", "veth", "" for hardware); none when absent.
  [[nodiscard]] Result<std::optional<std::string>> link_kind(const std::string& name) const;
  [[nodiscard]] Result<std::uint32_t> link_mtu(LinkIndex link) const;
  // Dropped frames of a link, both directions; an error when it is absent.
  [[nodiscard]] Result<std::uint64_t> link_drops(const std::string& name) const;
  [[nodiscard]] Status delete_link(LinkIndex link) const;
  // MTU, MAC, GSO and GRO limits (kMaxFrameBytes), and no kernel-made IPv6 addresses
  // (addr_gen_mode none). Before the link is up.
  [[nodiscard]] Status configure_link(LinkIndex link, std::uint32_t mtu,
                                      const MacAddress& mac) const;
  // Instead of the default qdiscs, one for each of 256 possible queues. Before the link is up.
  [[nodiscard]] Status set_noqueue(LinkIndex link) const;
  [[nodiscard]] Status bring_up(LinkIndex link) const;
  // At most 255 bytes.
  [[nodiscard]] Status set_alias(LinkIndex link, const std::string& alias) const;
  // Of all TUN/TAP devices that have one.
  [[nodiscard]] Result<std::vector<LinkAlias>> tap_aliases() const;

  // IPv6 without duplicate address detection and without a prefix route.
  [[nodiscard]] Status add_host_address(LinkIndex link, const IpAddress& address) const;
  [[nodiscard]] Status add_route(const Route& route,
                                 IfPresent if_present = IfPresent::Replace) const;
  [[nodiscard]] Status delete_route(const Route& route) const;
  [[nodiscard]] Status add_permanent_neighbour(LinkIndex link, const IpAddress& address,
                                               const MacAddress& mac) const;
  [[nodiscard]] Status add_rule(const LocalTrafficRule& rule) const;
  [[nodiscard]] Status delete_rule(const LocalTrafficRule& rule) const;

  [[nodiscard]] Result<std::vector<LinkAddress>> addresses() const;
  [[nodiscard]] Result<std::vector<Route>> routes_of_table(std::uint32_t table) const;

 private:
  struct Close {
    void operator()(nl_sock* socket) const;
  };
  explicit RouteSocket(nl_sock* socket) : socket_(socket) {}

  std::unique_ptr<nl_sock, Close> socket_;
};

// Index of a link in the calling thread's namespace, 0 when absent.
[[nodiscard]] LinkIndex link_index(const std::string& name);

}  // namespace bulkhead::control::endpoint
