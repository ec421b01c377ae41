// SPDX-License-Identifier: Apache-2.0
#include "control/endpoint/netlink.h"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/route.h>

namespace bulkhead::control::endpoint {
namespace {

// Attributes that Debian 12's headers do not name yet; kernels that do not know them ignore them.
constexpr int kGsoIpv4MaxSize = 63;  // IFLA_GSO_IPV4_MAX_SIZE, Linux 6.3
constexpr int kGroIpv4MaxSize = 64;  // IFLA_GRO_IPV4_MAX_SIZE, Linux 6.3

std::uint8_t number_of(Family family) { return family == Family::V4 ? AF_INET : AF_INET6; }

// One rtnetlink request under construction. libnl reports an attribute that does not fit only when
// it is put; the requests here are far smaller than the page they are given.
class Message {
 public:
  template <class Header>
  Message(int type, int flags, const Header& header)
      : message_(nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_ACK | flags)) {
    nlmsg_append(message_, const_cast<Header*>(&header), sizeof header, NLMSG_ALIGNTO);
  }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
  ~Message() { nlmsg_free(message_); }

  Message& put(int attribute, std::uint32_t value) {
    nla_put_u32(message_, attribute, value);
    return *this;
  }
  Message& put_byte(int attribute, std::uint8_t value) {
    nla_put_u8(message_, attribute, value);
    return *this;
  }
  Message& put(int attribute, const char* text) {
    nla_put_string(message_, attribute, text);
    return *this;
  }
  Message& put(int attribute, const IpAddress& ip) {
    nla_put(message_, attribute, static_cast<int>(ip.size()), ip.bytes.data());
    return *this;
  }
  Message& put(int attribute, const MacAddress& mac) {
    nla_put(message_, attribute, static_cast<int>(mac.size()), mac.data());
    return *this;
  }
  template <class Inner>
  Message& nest(int attribute, Inner inner) {
    nlattr* start = nla_nest_start(message_, attribute);
    inner(*this);
    nla_nest_end(message_, start);
    return *this;
  }

  // A libnl error number, 0 when the kernel acknowledged.
  int send(nl_sock* socket) {
    const int sent = nl_send_auto(socket, message_);
    return sent < 0 ? -sent : -nl_wait_for_ack(socket);
  }

 private:
  nl_msg* message_;
};

Status status_of(int error, std::string_view what) {
  if (error == 0) return {};
  return fail("cannot {}: {}", what, nl_geterror(error));
}

ifinfomsg header_of(LinkIndex link) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = static_cast<int>(link);
  return header;
}

rtmsg header_of(const Route& route) {
  rtmsg header{};
  header.rtm_family = number_of(route.destination.family());
  header.rtm_dst_len = static_cast<std::uint8_t>(route.destination.length());
  header.rtm_table = RT_TABLE_UNSPEC;  // the 32-bit attribute says it
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_type = RTN_UNICAST;
  const bool is_link_scope = !route.gateway && route.destination.family() == Family::V4;
  header.rtm_scope = is_link_scope ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  if (route.gateway) header.rtm_flags = RTNH_F_ONLINK;
  return header;
}

int send_route(nl_sock* socket, int type, int flags, const Route& route) {
  Message message(type, flags, header_of(route));
  if (route.destination.length() > 0) message.put(RTA_DST, route.destination.address());
  message.put(RTA_TABLE, route.table).put(RTA_OIF, route.device);
  if (route.gateway) message.put(RTA_GATEWAY, *route.gateway);
  return message.send(socket);
}

int send_rule(nl_sock* socket, int type, int flags, const LocalTrafficRule& rule) {
  fib_rule_hdr header{};
  header.family = number_of(rule.family);
  header.action = FR_ACT_TO_TBL;
  return Message(type, flags, header)
      .put(FRA_IIFNAME, "lo")
      .put(FRA_TABLE, rule.table)
      .put(FRA_PRIORITY, rule.priority)
      .send(socket);
}

bool is_absent(int error) {
  return error == NLE_OBJ_NOTFOUND || error == NLE_NODEV || error == NLE_NOADDR;
}

std::optional<IpAddress> address_of(const nl_addr* address) {
  if (address == nullptr) return std::nullopt;
  if (nl_addr_get_family(address) == AF_INET && nl_addr_get_len(address) == 4) {
    return IpAddress::v4_from_wire(nl_addr_get_binary_addr(address));
  }
  if (nl_addr_get_family(address) == AF_INET6 && nl_addr_get_len(address) == 16) {
    return IpAddress::v6_from_wire(nl_addr_get_binary_addr(address));
  }
  return std::nullopt;
}

struct FreeCache {
  void operator()(nl_cache* cache) const { nl_cache_free(cache); }
};
using Cache = std::unique_ptr<nl_cache, FreeCache>;

std::optional<Route> single_hop_route(rtnl_route* route) {
  if (rtnl_route_get_nnexthops(route) != 1) return std::nullopt;
  const int family = rtnl_route_get_family(route);
  if (family != AF_INET && family != AF_INET6) return std::nullopt;
  nl_addr* destination = rtnl_route_get_dst(route);
  // A default route's destination is an address without bytes.
  const IpAddress any{{}, family == AF_INET ? Family::V4 : Family::V6};
  const auto address = nl_addr_get_prefixlen(destination) == 0 ? any : address_of(destination);
  if (!address) return std::nullopt;
  const auto prefix = Prefix::make(*address, nl_addr_get_prefixlen(destination));
  if (!prefix) return std::nullopt;
  rtnl_nexthop* hop = rtnl_route_nexthop_n(route, 0);
  return Route{*prefix, static_cast<LinkIndex>(rtnl_route_nh_get_ifindex(hop)),
               address_of(rtnl_route_nh_get_gateway(hop)), rtnl_route_get_table(route)};
}

}  // namespace

LinkIndex link_index(const std::string& name) { return ::if_nametoindex(name.c_str()); }

void RouteSocket::Close::operator()(nl_sock* socket) const { nl_socket_free(socket); }

Result<RouteSocket> RouteSocket::open() {
  RouteSocket opened(nl_socket_alloc());
  if (!opened.socket_) return fail("cannot allocate a netlink socket");
  const int error = -nl_connect(opened.socket_.get(), NETLINK_ROUTE);
  if (error != 0) return fail("cannot open a netlink socket: {}", nl_geterror(error));
  return opened;
}

Result<std::optional<std::string>> RouteSocket::link_kind(const std::string& name) const {
  rtnl_link* link = nullptr;
  const int error = -rtnl_link_get_kernel(socket_.get(), 0, name.c_str(), &link);
  if (is_absent(error)) return std::nullopt;
  if (error != 0) return fail("cannot look {} up: {}", name, nl_geterror(error));
  const char* kind = rtnl_link_get_type(link);
  std::optional<std::string> answer = kind == nullptr ? "" : kind;
  rtnl_link_put(link);
  return answer;
}

Result<std::uint32_t> RouteSocket::link_mtu(LinkIndex index) const {
  rtnl_link* link = nullptr;
  const int error = -rtnl_link_get_kernel(socket_.get(), static_cast<int>(index), nullptr, &link);
  if (error != 0) return fail("cannot look link {} up: {}", index, nl_geterror(error));
  const std::uint32_t mtu = rtnl_link_get_mtu(link);
  rtnl_link_put(link);
  return mtu;
}

Result<std::uint64_t> RouteSocket::link_drops(const std::string& name) const {
  rtnl_link* found = nullptr;
  const int error = -rtnl_link_get_kernel(socket_.get(), 0, name.c_str(), &found);
  if (error != 0) return fail("cannot read the link {}: {}", name, nl_geterror(error));
  const std::uint64_t drops = rtnl_link_get_stat(found, RTNL_LINK_RX_DROPPED) +
                              rtnl_link_get_stat(found, RTNL_LINK_TX_DROPPED);
  rtnl_link_put(found);
  return drops;
}

Status RouteSocket::delete_link(LinkIndex link) const {
  const int error = Message(RTM_DELLINK, 0, header_of(link)).send(socket_.get());
  return is_absent(error) ? Status{} : status_of(error, "delete the link");
}

Status RouteSocket::configure_link(LinkIndex link, std::uint32_t mtu, const MacAddress& mac) const {
  const int error = Message(RTM_SETLINK, 0, header_of(link))
                        .put(IFLA_MTU, mtu)
                        .put(IFLA_ADDRESS, mac)
                        .put(IFLA_GSO_MAX_SIZE, kMaxFrameBytes)
                        .put(IFLA_GRO_MAX_SIZE, kMaxFrameBytes)
                        .put(kGsoIpv4MaxSize, kMaxFrameBytes)
                        .put(kGroIpv4MaxSize, kMaxFrameBytes)
                        .send(socket_.get());
  if (error != 0) return status_of(error, fmt::format("set MTU {} and MAC", mtu));
  const int mode = Message(RTM_SETLINK, 0, header_of(link))
                       .nest(IFLA_AF_SPEC,
                             [](Message& message) {
                               message.nest(AF_INET6, [](Message& inet6) {
                                 inet6.put_byte(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
                               });
                             })
                       .send(socket_.get());
  // A kernel without IPv6 makes no addresses either.
  return mode == NLE_AF_NOSUPPORT ? Status{} : status_of(mode, "set IPv6 addr_gen_mode");
}

Status RouteSocket::set_noqueue(LinkIndex link) const {
  tcmsg header{};
  header.tcm_ifindex = static_cast<int>(link);
  header.tcm_parent = TC_H_ROOT;
  const int error = Message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, header)
                        .put(TCA_KIND, "noqueue")
                        .send(socket_.get());
  return status_of(error, "set the noqueue qdisc");
}

Status RouteSocket::bring_up(LinkIndex link) const {
  ifinfomsg header = header_of(link);
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  return status_of(Message(RTM_NEWLINK, 0, header).send(socket_.get()), "bring the link up");
}

Status RouteSocket::set_alias(LinkIndex link, const std::string& alias) const {
  const int error =
      Message(RTM_SETLINK, 0, header_of(link)).put(IFLA_IFALIAS, alias.c_str()).send(socket_.get());
  return status_of(error, "set the alias");
}

Result<std::vector<LinkAlias>> RouteSocket::tap_aliases() const {
  nl_cache* allocated = nullptr;
  const int error = -rtnl_link_alloc_cache(socket_.get(), AF_UNSPEC, &allocated);
  if (error != 0) return fail("cannot list the devices: {}", nl_geterror(error));
  const Cache cache(allocated);
  std::vector<LinkAlias> found;
  for (auto* object = nl_cache_get_first(allocated); object != nullptr;
       object = nl_cache_get_next(object)) {
    auto* link = reinterpret_cast<rtnl_link*>(object);
    const char* kind = rtnl_link_get_type(link);
    const char* alias = rtnl_link_get_ifalias(link);
    if (kind == nullptr || alias == nullptr || std::string_view(kind) != "tun") continue;
    found.push_back({rtnl_link_get_name(link), alias});
  }
  return found;
}

Status RouteSocket::add_host_address(LinkIndex link, const IpAddress& address) const {
  ifaddrmsg header{};
  header.ifa_family = number_of(address.family);
  header.ifa_prefixlen = static_cast<std::uint8_t>(address.bits());
  header.ifa_index = link;
  const std::uint32_t flags = address.family == Family::V6 ? IFA_F_NODAD | IFA_F_NOPREFIXROUTE : 0;
  header.ifa_flags = static_cast<std::uint8_t>(flags);
  const int error = Message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, header)
                        .put(IFA_LOCAL, address)
                        .put(IFA_ADDRESS, address)
                        .put(IFA_FLAGS, flags)
                        .send(socket_.get());
  return status_of(error, fmt::format("add address {}", address.text()));
}

Status RouteSocket::add_route(const Route& route, IfPresent if_present) const {
  const int flags = if_present == IfPresent::Replace ? NLM_F_REPLACE : NLM_F_EXCL;
  const int error = send_route(socket_.get(), RTM_NEWROUTE, NLM_F_CREATE | flags, route);
  return status_of(error, fmt::format("add route {}", route.destination.text()));
}

Status RouteSocket::delete_route(const Route& route) const {
  const int error = send_route(socket_.get(), RTM_DELROUTE, 0, route);
  if (is_absent(error)) return {};
  return status_of(error, fmt::format("delete route {}", route.destination.text()));
}

Status RouteSocket::add_permanent_neighbour(LinkIndex link, const IpAddress& address,
                                            const MacAddress& mac) const {
  ndmsg header{};
  header.ndm_family = number_of(address.family);
  header.ndm_ifindex = static_cast<int>(link);
  header.ndm_state = NUD_PERMANENT;
  const int error = Message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, header)
                        .put(NDA_DST, address)
                        .put(NDA_LLADDR, mac)
                        .send(socket_.get());
  return status_of(error, fmt::format("add neighbour {}", address.text()));
}

Status RouteSocket::add_rule(const LocalTrafficRule& rule) const {
  const int error = send_rule(socket_.get(), RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule);
  return error == NLE_EXIST ? Status{} : status_of(error, "add the routing rule of local traffic");
}

Status RouteSocket::delete_rule(const LocalTrafficRule& rule) const {
  const int error = send_rule(socket_.get(), RTM_DELRULE, 0, rule);
  if (is_absent(error) || error == NLE_AF_NOSUPPORT) return {};
  return status_of(error, "delete the routing rule of local traffic");
}

Result<std::vector<LinkAddress>> RouteSocket::addresses() const {
  nl_cache* allocated = nullptr;
  const int error = -rtnl_addr_alloc_cache(socket_.get(), &allocated);
  if (error != 0) return fail("cannot list addresses: {}", nl_geterror(error));
  const Cache cache(allocated);
  std::vector<LinkAddress> found;
  for (auto* object = nl_cache_get_first(allocated); object != nullptr;
       object = nl_cache_get_next(object)) {
    auto* address = reinterpret_cast<rtnl_addr*>(object);
    const auto local = address_of(rtnl_addr_get_local(address));
    if (!local) continue;
    found.push_back({*local, static_cast<LinkIndex>(rtnl_addr_get_ifindex(address)),
                     rtnl_addr_get_scope(address) < RT_SCOPE_LINK});
  }
  return found;
}

Result<std::vector<Route>> RouteSocket::routes_of_table(std::uint32_t table) const {
  nl_cache* allocated = nullptr;
  const int error = -rtnl_route_alloc_cache(socket_.get(), AF_UNSPEC, 0, &allocated);
  if (error != 0) return fail("cannot list routes: {}", nl_geterror(error));
  const Cache cache(allocated);
  std::vector<Route> found;
  for (auto* object = nl_cache_get_first(allocated); object != nullptr;
       object = nl_cache_get_next(object)) {
    const auto route = single_hop_route(reinterpret_cast<rtnl_route*>(object));
    if (route && route->table == table) found.push_back(*route);
  }
  return found;
}

}  // namespace bulkhead::control::endpoint
