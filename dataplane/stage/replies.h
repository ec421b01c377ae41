// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "dataplane/flow/now.h"
#include "dataplane/packet/buffers.h"
#include "dataplane/packet/build.h"
#include "dataplane/publish/snapshot.h"

namespace bulkhead::dataplane {

// Packets of our own making, into the outbox. Each method does nothing when the rate limit is
// reached: an answer is a courtesy. Without a buffer it leaves word of that there. Thread: the
// worker.
class Replies {
 public:
  explicit Replies(BufferSource* buffers) : buffers_(buffers) {}

  void arp(const Endpoint& to, const MacAddress& asker, const std::uint8_t* ip,
           const std::uint8_t* asker_ip);
  void neighbour(const Endpoint& to, const MacAddress& asker, const std::uint8_t* ip,
                 const std::uint8_t* asker_ip);
  void echo(const Endpoint& to, const std::uint8_t* frame, const PacketInfo& info, Family family,
            Now now);
  // About a packet that came from `to`. Pods hear it from the gateway; the node's side, which
  // cannot use a link-local answer, from the packet's destination.
  void icmp_error(const Endpoint& to, const std::uint8_t* frame, const PacketInfo& info,
                  const FlowKey& key, IcmpErrorText text, Now now);
  void reset(const Endpoint& to, const FlowKey& key, std::uint32_t sequence,
             std::uint32_t acknowledgment, Now now);

  [[nodiscard]] Outbox& outbox() { return outbox_; }

 private:
  static constexpr std::uint32_t kPerSecond = 1000;

  [[nodiscard]] rte_mbuf* take(PortId port);
  [[nodiscard]] bool may_speak(Now now);

  BufferSource* buffers_;
  Outbox outbox_;
  std::uint64_t second_ = 0;
  std::uint32_t left_ = kPerSecond;
};

}  // namespace bulkhead::dataplane
