// SPDX-License-Identifier: Apache-2.0
#include "policy/base/drop_reason.h"

#include <algorithm>

namespace bulkhead {
namespace {

using enum DropReason;

constexpr DropReasonInfo kReasons[] = {
    {DeniedEgress, "denied_egress", "A policy or default of the sending pod does not allow it."},
    {DeniedIngress, "denied_ingress",
     "A policy or default of the receiving pod does not allow it."},
    {NoTable, "no_table", "No policy table has been published yet; everything is closed."},
    {UnknownPeer, "unknown_peer",
     "An address inside cluster.pod_cidrs that no live pod owns, or one with no identity yet."},
    {EstablishedCut, "established_cut",
     "A changed policy denies this open connection; it was cut."},
    {UnknownPort, "unknown_port", "The packet came from a port that no endpoint owns."},
    {UnknownEndpoint, "unknown_endpoint", "The destination pod is on this node but not attached."},
    {StaleEndpoint, "stale_endpoint", "The sending endpoint was replaced while the packet waited."},
    {SpoofedMac, "spoofed_mac", "The source MAC address is not the endpoint's own."},
    {SpoofedIp, "spoofed_ip", "The source IP address is not the endpoint's own."},
    {BadSource, "bad_source",
     "A source address that no packet may have (multicast, loopback, mapped)."},
    {BadDestination, "bad_destination",
     "Multicast, broadcast or reserved destinations are not routed."},
    {RogueRouterAdvertisement, "rogue_router_advertisement",
     "A pod sent an IPv6 router advertisement."},
    {RogueRedirect, "rogue_redirect", "A pod sent an ICMP redirect."},
    {RogueDhcpServer, "rogue_dhcp_server", "A pod answered as a DHCP server."},
    {Tunnel, "tunnel", "A pod sent an encapsulated packet (IP-in-IP, GRE, 6in4)."},
    {BadArp, "bad_arp", "An ARP packet that is malformed or claims another pod's address."},
    {BadNeighbour, "bad_neighbour", "A neighbour discovery packet that is malformed or spoofed."},
    {Truncated, "truncated", "The frame is shorter than its headers say, or longer than a buffer."},
    {BadEthernet, "bad_ethernet", "Not an Ethernet II frame of IPv4, IPv6 or ARP."},
    {VlanTagged, "vlan_tagged", "Pods may not send VLAN-tagged frames."},
    {BadIpHeader, "bad_ip_header", "The IP header is malformed."},
    {IpOptions, "ip_options", "IPv4 options are not forwarded."},
    {BadExtensionHeader, "bad_extension_header", "An IPv6 extension header that is not forwarded."},
    {UnsupportedProtocol, "unsupported_protocol", "Not TCP, UDP, SCTP or ICMP."},
    {BadTransportHeader, "bad_transport_header", "The TCP, UDP, SCTP or ICMP header is malformed."},
    {BadTcpFlags, "bad_tcp_flags", "An impossible combination of TCP flags."},
    {BadOffload, "bad_offload", "The virtio-net header does not fit the packet it came with."},
    {BadChecksum, "bad_checksum", "The IPv4 header checksum is wrong."},
    {FlowTableFull, "flow_table_full", "The flow table is full of assured flows."},
    {FlowLimit, "flow_limit", "The endpoint has as many flows as one endpoint may have."},
    {UnassuredLimit, "unassured_limit", "Too many flows that were never answered."},
    {TcpNoFlow, "tcp_no_flow",
     "A TCP segment that belongs to no tracked connection and opens none."},
    {TcpOutOfWindow, "tcp_out_of_window", "A TCP segment outside the connection's window."},
    {TcpBadState, "tcp_bad_state", "A TCP segment that its connection's state does not allow."},
    {IcmpUnrelated, "icmp_unrelated", "An ICMP error or reply that belongs to no tracked flow."},
    {UnsupportedIcmp, "unsupported_icmp", "An ICMP type that is not forwarded."},
    {FragmentTiny, "fragment_tiny", "A first fragment without the whole transport header."},
    {FragmentOverlap, "fragment_overlap", "Fragments overlap; the datagram is poisoned."},
    {FragmentOrphan, "fragment_orphan",
     "The first fragment did not arrive in time or was dropped."},
    {FragmentLimit, "fragment_limit", "Too many waiting fragments."},
    {BadFragment, "bad_fragment", "A fragment whose offset or length is impossible."},
    {NoRoute, "no_route", "There is no port towards the destination."},
    {TtlExceeded, "ttl_exceeded", "The packet's time to live ended here."},
    {TooBig, "too_big", "The packet exceeds the MTU of its way out and may not be fragmented."},
    {PortDown, "port_down", "The way out is down."},
    {PortFull, "port_full", "The way out has no room."},
    {NeedsSegmentation, "needs_segmentation", "The way out cannot take a frame to be segmented."},
    {NoBuffer, "no_buffer",
     "The worker had no buffer left for a packet of its own (ARP, ICMP, reset)."},
    {HandoffFull, "handoff_full", "The ring to the worker that owns the flow is full."},
    {SamePort, "same_port", "A packet may not leave through the port it came from."},
};

constexpr bool in_numeric_order() {
  for (std::size_t i = 1; i < std::size(kReasons); ++i) {
    if (kReasons[i - 1].reason >= kReasons[i].reason) return false;
  }
  return static_cast<std::size_t>(kReasons[std::size(kReasons) - 1].reason) < kDropReasonLimit;
}
static_assert(in_numeric_order());

}  // namespace

std::span<const DropReasonInfo> drop_reasons() { return kReasons; }

std::string_view name_of(DropReason reason) {
  if (reason == None) return "none";
  const auto* info = std::ranges::find(kReasons, reason, &DropReasonInfo::reason);
  return info == std::end(kReasons) ? "unknown" : info->name;
}

}  // namespace bulkhead
