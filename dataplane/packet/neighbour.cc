// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/neighbour.h"

#include <algorithm>

#include "dataplane/packet/checksum.h"
#include "dataplane/packet/martian.h"
#include "policy/base/flow_key.h"
#include "policy/base/protocol.h"

namespace bulkhead::dataplane {
namespace {

using enum DropReason;

constexpr std::size_t kArpBytes = 28;

bool is_own(const Asker& asker, const IpAddress& ip) {
  return std::ranges::find(asker.addresses, ip) != asker.addresses.end();
}

bool has_good_checksum(std::span<const std::uint8_t> ip, std::span<const std::uint8_t> icmp) {
  FlowKey key;
  key.family = 6;
  std::memcpy(key.source, &ip[8], 16);
  std::memcpy(key.destination, &ip[24], 16);
  const auto bytes = static_cast<std::uint32_t>(icmp.size());
  return checksum_finish(checksum_add(pseudo_header_sum(key, kIcmpV6, bytes), icmp)) == 0;
}

// Link-layer address options must name the sender itself (RFC 4861 section 4.6.1).
bool options_name(std::span<const std::uint8_t> options, const MacAddress& mac) {
  while (!options.empty()) {
    if (options.size() < 8) return false;
    const std::size_t length = std::size_t{options[1]} * 8;
    if (length == 0 || length > options.size()) return false;
    const bool is_address = options[0] == 1 || options[0] == 2;
    if (is_address && (length != 8 || load<MacAddress>(&options[2]) != mac)) return false;
    options = options.subspan(length);
  }
  return true;
}

NeighbourAnswer answer_solicitation(std::span<const std::uint8_t> ip,
                                    std::span<const std::uint8_t> icmp, const Asker& asker) {
  const std::uint8_t* source = &ip[8];
  if (icmp.size() < 24 || is_multicast(&icmp[8], 6)) return {BadNeighbour};
  const IpAddress target = IpAddress::v6_from_wire(&icmp[8]);
  // Duplicate address detection: nobody else has the address, and silence says so.
  if (is_unspecified(source)) return {};
  if (asker.is_pod) {
    const bool may_ask = is_link_local6(source) || is_own(asker, IpAddress::v6_from_wire(source));
    if (!may_ask || !options_name(icmp.subspan(24), asker.mac)) return {BadNeighbour};
  }
  if (is_own(asker, target)) return {};
  return {None, true, &icmp[8], source};
}

}  // namespace

NeighbourAnswer answer_arp(std::span<const std::uint8_t> frame, const Asker& asker) {
  if (frame.size() < kEthernetBytes + kArpBytes) return {BadArp};
  const std::uint8_t* arp = &frame[kEthernetBytes];
  static constexpr std::uint8_t kEthernetIpv4[6] = {0, 1, 8, 0, 6, 4};
  const std::uint16_t operation = load16(arp + 6);
  if (std::memcmp(arp, kEthernetIpv4, sizeof kEthernetIpv4) != 0 || operation < 1 ||
      operation > 2) {
    return {BadArp};
  }
  const IpAddress sender = IpAddress::v4_from_wire(arp + 14);
  const IpAddress target = IpAddress::v4_from_wire(arp + 24);
  const bool is_probe = sender == IpAddress{};
  if (asker.is_pod) {
    const bool is_honest =
        load<MacAddress>(arp + 8) == asker.mac && (is_probe || is_own(asker, sender));
    if (!is_honest) return {BadArp};
  }
  // Probes and announcements need no answer; neither do replies, for we never ask.
  if (operation == 2 || is_probe || is_own(asker, target) || target == sender) return {};
  return {None, true, arp + 24, arp + 14};
}

NeighbourAnswer answer_neighbour(std::span<const std::uint8_t> frame, std::size_t icmp_offset,
                                 const Asker& asker) {
  const std::span<const std::uint8_t> ip = frame.subspan(kEthernetBytes);
  const std::span<const std::uint8_t> icmp = frame.subspan(icmp_offset);
  const std::uint8_t type = icmp[0];
  const bool is_discovery = type >= kRouterSolicitation && type <= kRedirect6;
  if (!is_discovery) return {};  // MLD: there is no multicast to join
  if (asker.is_pod && type == kRouterAdvertisement) return {RogueRouterAdvertisement};
  if (asker.is_pod && type == kRedirect6) return {RogueRedirect};
  // A hop limit of 255 proves that it was sent on this link.
  if (ip[7] != 255 || icmp[1] != 0 || !has_good_checksum(ip, icmp)) return {BadNeighbour};
  if (type == kNeighbourSolicitation) return answer_solicitation(ip, icmp, asker);
  if (type == kNeighbourAdvertisement && asker.is_pod) {
    const bool is_honest = icmp.size() >= 24 && is_own(asker, IpAddress::v6_from_wire(&icmp[8]));
    if (!is_honest) return {BadNeighbour};
  }
  return {};
}

}  // namespace bulkhead::dataplane
