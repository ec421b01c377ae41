// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <span>

#include "dataplane/packet/martian.h"
#include "dataplane/packet/neighbour.h"
#include "dataplane/packet/wire.h"
#include "dataplane/publish/address_map.h"
#include "dataplane/stage/stages.h"
#include "policy/base/protocol.h"

namespace bulkhead::dataplane {
namespace {

using enum DropReason;

constexpr std::uint16_t kDhcpServer = 67;
constexpr std::uint16_t kDhcp6Server = 547;

bool owns(const Endpoint& endpoint, const std::uint8_t* address, std::uint8_t family) {
  // IPv4 is zero beyond its four bytes in both, so 16 bytes compare right for either family. Word
  // by word: GCC calls memcmp for them.
  const auto low = load<std::uint64_t>(address);
  const auto high = load<std::uint64_t>(address + 8);
  for (std::size_t i = 0; i < endpoint.address_count; ++i) {
    const IpAddress& own = endpoint.addresses[i];
    if (static_cast<std::uint8_t>(own.family) == family &&
        load<std::uint64_t>(own.bytes.data()) == low &&
        load<std::uint64_t>(own.bytes.data() + 8) == high) {
      return true;
    }
  }
  return false;
}

bool is_dhcp_server(const FlowKey& key) {
  return key.protocol == kUdp &&
         key.source_port.host() == (key.family == 4 ? kDhcpServer : kDhcp6Server);
}

// A host port's own check, for what no flow look-up covers: errors and later fragments. The others
// are checked when their flow is decided (classify) and by the flow's ports ever after.
DropReason check_host_source(const Endpoint& endpoint, const IpAddress& source,
                             const StageContext& context) {
  const Snapshot& snapshot = context.snapshot;
  if (snapshot.addresses == nullptr || snapshot.table == nullptr) return UnknownPeer;
  const AddressRecord record = snapshot.addresses->find(source);
  if (endpoint.role == api::PortRole::Node) return record.is_node ? None : SpoofedIp;
  // A node's address is an ordinary one here: that of a client that the host masqueraded.
  if (record.is_known) return record.port.value != 0 && !record.is_node ? SpoofedIp : None;
  // A pod's address that nobody owns speaks for nobody, errors included.
  return snapshot.table->outside_identity(source) == kUnknownIdentity ? UnknownPeer : None;
}

DropReason check_addresses(const Endpoint& endpoint, const FlowKey& key, const PacketInfo& info,
                           const std::uint8_t* source, const StageContext& context) {
  const std::uint8_t* destination =
      info.kind == PacketKind::IcmpError ? key.source : key.destination;
  if (is_multicast(source, key.family) || is_reserved(source, key.family)) return BadSource;
  if (endpoint.role == api::PortRole::Pod) {
    if (is_dhcp_server(key)) return RogueDhcpServer;
    if (!owns(endpoint, source, key.family)) return SpoofedIp;
    // A pod is no router: what it reports as undeliverable must have been sent to it.
    if (info.kind == PacketKind::IcmpError && !owns(endpoint, key.destination, key.family)) {
      return IcmpUnrelated;
    }
  } else if (info.kind == PacketKind::IcmpError || info.kind == PacketKind::LaterFragment) {
    IpAddress ip{{}, key.family == 4 ? Family::V4 : Family::V6};
    std::memcpy(ip.bytes.data(), source, 16);
    const DropReason reason = check_host_source(endpoint, ip, context);
    if (reason != None) return reason;
  }
  if (is_multicast(destination, key.family) || is_reserved(destination, key.family)) {
    return BadDestination;
  }
  return None;
}

// ARP and neighbour discovery end here, whatever they are.
void answer(Batch& batch, std::size_t i, const Endpoint& endpoint, StageContext& context) {
  rte_mbuf* const mbuf = batch.mbuf[i];
  const std::span<const std::uint8_t> frame{frame_of(mbuf), mbuf->data_len};
  const bool is_arp = batch.info[i].kind == PacketKind::Arp;
  const Asker asker{endpoint.mac,
                    {endpoint.addresses.data(), endpoint.address_count},
                    endpoint.role == api::PortRole::Pod};
  const NeighbourAnswer found =
      is_arp ? answer_arp(frame, asker) : answer_neighbour(frame, batch.info[i].l4_offset, asker);
  if (found.reason != None) return batch.drop(i, found.reason);
  if (found.answers) {
    const auto mac = load<MacAddress>(&frame[6]);
    if (is_arp) {
      context.replies.arp(endpoint, mac, found.target, found.asker_ip);
    } else {
      context.replies.neighbour(endpoint, mac, found.target, found.asker_ip);
    }
  }
  batch.settle(i, Fate::Consume);
}

// Packets to the gateway's own addresses, and any other link-local IPv6, go no further.
bool ends_at_gateway(Batch& batch, std::size_t i, const Endpoint& endpoint, StageContext& context) {
  const FlowKey& key = batch.key[i];
  const Family family = key.family == 4 ? Family::V4 : Family::V6;
  const std::uint8_t* destination =
      batch.info[i].kind == PacketKind::IcmpError ? key.source : key.destination;
  // Nearly every packet leaves here.
  const bool is_link_local = key.family == 6 ? is_link_local6(destination)
                                             : destination[0] == 169 && destination[1] == 254;
  if (!is_link_local) [[likely]]
    return false;
  const bool is_gateway = std::memcmp(destination, gateway_address(family).bytes.data(), 16) == 0;
  if (!is_gateway && key.family == 4) return false;  // such as a cloud's metadata service
  const PacketInfo& info = batch.info[i];
  const bool is_ping = info.kind == PacketKind::IcmpQuery && info.fragment == FragmentKind::None &&
                       info.icmp_type == (key.family == 4 ? kEchoRequest : kEchoRequest6);
  if (is_gateway && is_ping) {
    context.replies.echo(endpoint, frame_of(batch.mbuf[i]), info, family, context.now);
    batch.settle(i, Fate::Consume);
  } else {
    batch.drop(i, BadDestination);
  }
  return true;
}

// Before the look-up, so that a packet that goes no further neither opens nor refreshes a flow.
void refuse_expired(Batch& batch, std::size_t i, StageContext& context) {
  const std::uint8_t type = batch.key[i].family == 4 ? kTimeExceeded : kTimeExceeded6;
  context.replies.icmp_error(*batch.source[i], frame_of(batch.mbuf[i]), batch.info[i], batch.key[i],
                             {type, 0, 0}, context.now);
  batch.drop(i, TtlExceeded);
}

}  // namespace

void bind(Batch& batch, StageContext& context) {
  for (const std::size_t i : each_bit(batch.live)) {
    const Endpoint* const endpoint = context.snapshot.endpoint_at(batch.in_port[i]);
    batch.source[i] = endpoint;
    if (endpoint == nullptr) {
      batch.drop(i, UnknownPort);
      continue;
    }
    if (batch.handed_over[i] && batch.generation[i] != endpoint->generation) {
      batch.drop(i, StaleEndpoint);
      continue;
    }
    if (endpoint->role == api::PortRole::Pod &&
        !is_mac(frame_of(batch.mbuf[i]) + 6, endpoint->mac)) {
      batch.drop(i, SpoofedMac);
      continue;
    }
    const PacketInfo& info = batch.info[i];
    if (info.kind == PacketKind::Arp || info.kind == PacketKind::Neighbour) {
      answer(batch, i, *endpoint, context);
      continue;
    }
    const FlowKey& key = batch.key[i];
    const std::uint8_t* source =
        info.kind == PacketKind::IcmpError ? batch.outer_source[i].data() : key.source;
    const DropReason reason = check_addresses(*endpoint, key, info, source, context);
    if (reason != None) {
      batch.drop(i, reason);
      continue;
    }
    if (info.gso_l3_bytes > endpoint->mtu) {
      batch.drop(i, BadOffload);
      continue;
    }
    if (ends_at_gateway(batch, i, *endpoint, context)) continue;
    if (info.hop_limit <= 1) {
      refuse_expired(batch, i, context);
      continue;
    }
    if (context.workers > 1 && !batch.handed_over[i]) {
      batch.owner[i] = owner_of(key, context.steering_key, context.workers);
      batch.generation[i] = endpoint->generation;
      if (batch.owner[i] != context.worker) batch.settle(i, Fate::HandOver);
    }
  }
}

}  // namespace bulkhead::dataplane
