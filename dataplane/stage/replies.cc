// SPDX-License-Identifier: Apache-2.0
#include "dataplane/stage/replies.h"

#include "dataplane/packet/batch.h"

namespace bulkhead::dataplane {

// A burst writes at most one answer a packet and a reset to both ends of each cut connection.
static_assert(Outbox::kCapacity >= 2 * kBatchSize);

rte_mbuf* Replies::take(PortId port) {
  if (outbox_.is_full()) return nullptr;
  rte_mbuf* const buffer = buffers_ == nullptr ? nullptr : buffers_->take();
  if (buffer == nullptr) outbox_.push(nullptr, port);
  return buffer;
}

bool Replies::may_speak(Now now) {
  const std::uint64_t second = now.monotonic_ns / 1'000'000'000;
  if (second != second_) {
    second_ = second;
    left_ = kPerSecond;
  }
  if (left_ == 0) return false;
  --left_;
  return true;
}

void Replies::arp(const Endpoint& to, const MacAddress& asker, const std::uint8_t* ip,
                  const std::uint8_t* asker_ip) {
  rte_mbuf* const buffer = take(to.port);
  if (buffer == nullptr) return;
  build_arp_reply(buffer, {to.gateway_mac, asker}, ip, asker_ip);
  outbox_.push(buffer, to.port);
}

void Replies::neighbour(const Endpoint& to, const MacAddress& asker, const std::uint8_t* ip,
                        const std::uint8_t* asker_ip) {
  rte_mbuf* const buffer = take(to.port);
  if (buffer == nullptr) return;
  build_neighbour_advertisement(buffer, {to.gateway_mac, asker}, ip, asker_ip);
  outbox_.push(buffer, to.port);
}

void Replies::echo(const Endpoint& to, const std::uint8_t* frame, const PacketInfo& info,
                   Family family, Now now) {
  if (!may_speak(now)) return;
  rte_mbuf* const buffer = take(to.port);
  if (buffer == nullptr) return;
  if (build_echo_reply(buffer, {to.gateway_mac, to.mac}, frame, info, family)) {
    outbox_.push(buffer, to.port);
  } else {
    buffers_->give_back(buffer);
  }
}

void Replies::icmp_error(const Endpoint& to, const std::uint8_t* frame, const PacketInfo& info,
                         const FlowKey& key, IcmpErrorText text, Now now) {
  // Never about an error, nor about a fragment that has no ports (RFC 1122 section 3.2.2).
  if (info.kind == PacketKind::IcmpError || info.fragment == FragmentKind::Later) return;
  if (!may_speak(now)) return;
  rte_mbuf* const buffer = take(to.port);
  if (buffer == nullptr) return;
  const Family family = key.family == 4 ? Family::V4 : Family::V6;
  const IpAddress from =
      to.role == api::PortRole::Pod ? gateway_address(family) : key.destination_ip();
  build_icmp_error(buffer, {to.gateway_mac, to.mac}, from, frame, info.l3_bytes, text);
  outbox_.push(buffer, to.port);
}

void Replies::reset(const Endpoint& to, const FlowKey& key, std::uint32_t sequence,
                    std::uint32_t acknowledgment, Now now) {
  if (!may_speak(now)) return;
  rte_mbuf* const buffer = take(to.port);
  if (buffer == nullptr) return;
  build_reset(buffer, {to.gateway_mac, to.mac}, key, sequence, acknowledgment);
  outbox_.push(buffer, to.port);
}

}  // namespace bulkhead::dataplane
