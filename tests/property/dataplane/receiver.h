// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "dataplane/packet/batch.h"
#include "policy/base/ip.h"
#include "tests/support/packet_builder.h"

namespace bulkhead::dataplane::testing {

// Who speaks to whom about what, in one direction. ICMP carries its identifier as source port and
// its type as destination port.
struct Tuple {
  IpAddress source;
  IpAddress destination;
  std::uint8_t protocol = 0;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;

  [[nodiscard]] Tuple reversed() const;
  [[nodiscard]] std::string text() const;
  friend auto operator<=>(const Tuple& a, const Tuple& b) = default;
};

// What the kernel of a receiver reads in a frame.
struct Received {
  Tuple tuple;
  std::uint8_t tcp_flags = 0;
  bool is_first_fragment = false;
  bool is_later_fragment = false;  // its tuple has no ports
  bool is_last_fragment = false;
  std::uint32_t fragment_id = 0;
  std::size_t fragment_offset = 0;  // bytes
  std::size_t fragment_bytes = 0;
  std::size_t transport_offset = 0;  // from the Ethernet header
  std::optional<Tuple> about;        // the packet inside an ICMP error
};

// Reads like a kernel, not like our parser: it follows header lengths and extension headers that we
// refuse, so that it sees what we would have missed. Nothing where a kernel would find no packet.
[[nodiscard]] std::optional<Received> receive(const Bytes& frame);

// Carries out what the virtio-net header asks of the receiver's kernel: a checksum stored at
// csum_start + csum_offset. False: the kernel would refuse the frame.
[[nodiscard]] bool complete_checksum(Bytes& frame, const VnetHeader& vnet);

}  // namespace bulkhead::dataplane::testing
