// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/packet/batch.h"
#include "dataplane/packet/wire.h"

namespace bulkhead::dataplane {

inline constexpr std::size_t kMaxSegments = 128;

// The virtio-net header is written by the sender and believed by the receiver's kernel: wrong
// offsets would have it write a checksum over, say, the destination port that we judged by. Accepts
// only what fits the parsed packet, writes back a header of our own making (DATA_VALID dropped: the
// receiver verifies for itself) and sets info.mtu_bytes. Returns None or BadOffload.
// `l4_header_bytes` is the parsed transport header's.
[[nodiscard]] DropReason check_offload_in_use(std::uint8_t* frame, std::size_t l4_header_bytes,
                                              const FlowKey& key, PacketInfo& info);

[[nodiscard]] inline DropReason check_offload(std::uint8_t* frame, std::size_t l4_header_bytes,
                                              const FlowKey& key, PacketInfo& info) {
  std::uint8_t* const wire = frame - kVnetHeaderBytes;
  info.mtu_bytes = info.l3_bytes;
  if (load<std::uint16_t>(wire) != 0) {  // flags and gso_type
    return check_offload_in_use(frame, l4_header_bytes, key, info);
  }
  store(wire, VnetHeader{});
  return DropReason::None;
}

}  // namespace bulkhead::dataplane
