// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace bulkhead {

// Why a packet was dropped. The numbers are an API: they are never reused or renumbered, and the
// same list feeds counters, events, the CLI and the docs. Names and explanations live in
// drop_reason.cc.
enum class DropReason : std::uint8_t {
  None = 0,

  // Policy.
  DeniedEgress = 1,
  DeniedIngress = 2,
  NoTable = 3,
  UnknownPeer = 4,
  EstablishedCut = 5,

  // Where the packet came from.
  UnknownPort = 10,
  UnknownEndpoint = 11,
  StaleEndpoint = 12,
  SpoofedMac = 13,
  SpoofedIp = 14,
  BadSource = 15,
  BadDestination = 16,
  RogueRouterAdvertisement = 17,
  RogueRedirect = 18,
  RogueDhcpServer = 19,
  Tunnel = 20,
  BadArp = 21,
  BadNeighbour = 22,

  // What the parser could not accept.
  Truncated = 30,
  BadEthernet = 31,
  VlanTagged = 32,
  BadIpHeader = 33,
  IpOptions = 34,
  BadExtensionHeader = 35,
  UnsupportedProtocol = 36,
  BadTransportHeader = 37,
  BadTcpFlags = 38,
  BadOffload = 39,
  BadChecksum = 40,

  // Flow tracking.
  FlowTableFull = 50,
  FlowLimit = 51,
  UnassuredLimit = 52,
  TcpNoFlow = 53,
  TcpOutOfWindow = 54,
  TcpBadState = 55,
  IcmpUnrelated = 56,
  UnsupportedIcmp = 57,

  // Fragments.
  FragmentTiny = 60,
  FragmentOverlap = 61,
  FragmentOrphan = 62,
  FragmentLimit = 63,
  BadFragment = 64,

  // Forwarding.
  NoRoute = 70,
  TtlExceeded = 71,
  TooBig = 72,
  PortDown = 73,
  PortFull = 74,
  NeedsSegmentation = 75,
  NoBuffer = 76,
  HandoffFull = 77,
  SamePort = 78,
};

inline constexpr std::size_t kDropReasonLimit = 128;  // counters are arrays of this size

struct DropReasonInfo {
  DropReason reason;
  std::string_view name;         // snake_case, the label value of bulkhead_drops_total
  std::string_view explanation;  // one sentence for an administrator
};

// Every reason but None, in numeric order.
[[nodiscard]] std::span<const DropReasonInfo> drop_reasons();

// "none" for None, "unknown" for a number this build does not know.
[[nodiscard]] std::string_view name_of(DropReason reason);

}  // namespace bulkhead
