// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "policy/base/fd.h"
#include "policy/base/ip.h"
#include "policy/base/result.h"

// Making and unmaking the kernel's side of ports: TAP devices, addresses, routes, rules,
// neighbours. libnl stays behind these functions. Each call is synchronous, opens and leaves the
// target namespace on a thread of its own, and undoes what it did when it fails. Thread: any.
namespace bulkhead::control::endpoint {

using MacAddress = std::array<std::uint8_t, 6>;

// What pods and the host stack believe the gateway (169.254.1.1, fe80::1) to be. One constant for
// all ports and for all time: neighbour entries stay true over every restart and upgrade.
inline constexpr MacAddress kGatewayMac{0x02, 0x62, 0x68, 0x00, 0x00, 0x01};
inline constexpr IpAddress kGatewayV4 = IpAddress::v4(169, 254, 1, 1);
inline constexpr IpAddress kGatewayV6{{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
                                      Family::V6};

// The longest frame a pod may send or be sent, headers included: an mbuf's data_len is 16 bits, and
// a 64 KB payload plus headers does not fit. Bounds MTU and GSO size of every TAP.
inline constexpr std::uint32_t kMaxFrameBytes = 61440;

struct PodLink {
  std::string netns_path;
  std::string ifname;
  std::vector<Prefix>
      addresses;               // host addresses with length, as IPAM gave them (address part kept)
  std::vector<IpAddress> ips;  // the addresses themselves, by position of `addresses`
  std::uint32_t mtu = 1500;
  MacAddress mac{};          // the pod's
  MacAddress gateway_mac{};  // permanent neighbour entry for 169.254.1.1 / fe80::1
  std::size_t queues = 1;
};

struct WiredLink {
  std::vector<Fd> queues;  // one TUN/TAP fd a queue, O_NONBLOCK | O_CLOEXEC, persistent device
  std::uint64_t netns_inode = 0;
};

// Creates the TAP in the pod's namespace as design.md 5.1 says, addressed /32 and /128, with the
// gateway's link-scope routes, and brings it up. Fails when `ifname` exists.
[[nodiscard]] Result<WiredLink> wire_pod(const PodLink& link);

// Deletes the link inside its namespace; succeeds when it or the namespace is gone, and leaves
// alone what is no TAP, or in this process's own namespace: that is none of ours.
[[nodiscard]] Status unwire_pod(const std::string& netns_path, const std::string& ifname);

// Inode of the namespace at a path, 0 when nothing is there. Compared every 2 s (design.md 5.1).
[[nodiscard]] std::uint64_t netns_inode(const std::string& path);

// Opens a persistent TAP that already exists in `netns_path` (empty = this namespace) again.
[[nodiscard]] Result<std::vector<Fd>> reopen_link(const std::string& netns_path,
                                                  const std::string& ifname, std::size_t queues);

struct HostLinks {
  WiredLink node;     // bulkhead0
  WiredLink outside;  // bulkhead1
  MacAddress node_mac{};
  MacAddress outside_mac{};
  std::string node_name;
  std::string outside_name;
};
struct HostLinkSettings {
  std::string instance;           // config key; names devices, the nftables table and routing table
  std::vector<Prefix> pod_cidrs;  // routed to bulkhead1, and by `ip rule iif lo` to bulkhead0
  bool masquerade = true;
  std::uint32_t mtu = 1500;
  // 0: the data plane still holds the queues of both devices, open none. A further queue on a TAP
  // that is being read takes its share of the packets, and nobody reads it.
  std::size_t queues = 1;
  // Where sysctls that had to be changed for the whole machine are recorded until unwire_host; a
  // folder that a reboot empties, such as /run/bulkhead. Empty: they are not restored.
  std::filesystem::path record_folder;
};
// Creates (or adopts, after a restart) both host ports, their routes, rules, sysctls and the
// nftables table, both families. Idempotent.
[[nodiscard]] Result<HostLinks> wire_host(const HostLinkSettings& settings);
// Removes all that wire_host made and restores what it changed; succeeds when nothing is there.
// What another instance on this network relies on stays, and is that one's to restore.
[[nodiscard]] Status unwire_host(const HostLinkSettings& settings);

// All global unicast addresses of this namespace's interfaces, bulkhead0's own included, in order.
// They come and go with DHCP and RA: ask again from time to time.
[[nodiscard]] Result<std::vector<IpAddress>> node_addresses();

// The MTU of the device that leads outside (the smallest of all default routes', at most
// kMaxFrameBytes): what a pod may send without finding out by ICMP. 1500 without a default route.
[[nodiscard]] Result<std::uint32_t> uplink_mtu();

}  // namespace bulkhead::control::endpoint
