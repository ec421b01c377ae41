// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rte_mbuf.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/packet/batch.h"
#include "dataplane/packet/wire.h"
#include "policy/base/ip.h"

namespace bulkhead::bench {

inline constexpr std::uint32_t kPods = 100;
inline constexpr std::uint32_t kFirstPort = 16;  // of pod 0; pod n sits at kFirstPort + n

[[nodiscard]] dataplane::MacAddress mac_of(std::uint32_t pod);
[[nodiscard]] IpAddress address_of(std::uint32_t pod, Family family);

// The ends of the n-th of a set of distinct flows among the pods; the responder's port is 53.
struct Tuple {
  std::uint32_t source = 0;       // pod number
  std::uint32_t destination = 0;  // pod number
  std::uint16_t source_port = 0;
};
[[nodiscard]] Tuple tuple_of(std::uint32_t n);

// One packet of a flow, either way.
struct Packet {
  std::uint32_t flow = 0;
  bool is_reply = false;
  std::uint8_t protocol = 0;   // TCP or UDP
  std::uint8_t tcp_flags = 0;  // and the numbers below: TCP only
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgment = 0;
};

// Bytes of TCP payload in a frame of the least size: 0 where the headers alone fill it.
[[nodiscard]] std::uint32_t tcp_payload(Family family);

// One burst's buffers, rewritten for each burst outside the timed part.
class Frames {
 public:
  Frames();
  // Writes the packet as its sender's kernel would and puts it into place i of the batch.
  void write(dataplane::Batch& batch, std::size_t i, const Packet& packet, Family family);

 private:
  static constexpr std::size_t kStride = 2048 + 192;  // no power of two: heads spread over sets
  std::vector<std::uint8_t> bytes_;
  std::vector<rte_mbuf> mbufs_;
};

}  // namespace bulkhead::bench
