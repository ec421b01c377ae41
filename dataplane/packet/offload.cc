// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/offload.h"

#include "policy/base/protocol.h"

namespace bulkhead::dataplane {
namespace {

// Offset of the checksum in the headers the kernel leaves partial; 0 for all others.
std::uint16_t checksum_offset(std::uint8_t protocol) {
  if (protocol == kTcp) return 16;
  if (protocol == kUdp) return 6;
  return 0;
}

std::uint8_t gso_type_of(const FlowKey& key) {
  if (key.protocol == kUdp) return kVnetGsoUdp;
  if (key.protocol != kTcp) return kVnetGsoNone;
  return key.family == 4 ? kVnetGsoTcp4 : kVnetGsoTcp6;
}

}  // namespace

DropReason check_offload_in_use(std::uint8_t* frame, std::size_t l4_header_bytes,
                                const FlowKey& key, PacketInfo& info) {
  std::uint8_t* const wire = frame - kVnetHeaderBytes;
  const auto given = load<VnetHeader>(wire);
  VnetHeader clean{};
  if (given.flags > kVnetDataValid) return DropReason::BadOffload;
  if (given.flags == kVnetNeedsChecksum) {
    const bool is_whole_transport =
        info.kind == PacketKind::Transport && info.fragment == FragmentKind::None;
    const std::uint16_t offset = checksum_offset(key.protocol);
    if (!is_whole_transport || offset == 0 || given.checksum_start != info.l4_offset ||
        given.checksum_offset != offset) {
      return DropReason::BadOffload;
    }
    clean.flags = kVnetNeedsChecksum;
    clean.checksum_start = given.checksum_start;
    clean.checksum_offset = given.checksum_offset;
  }
  if (given.gso_type != kVnetGsoNone) {
    // Segments get their checksums from the partial one: none of these without it.
    if (clean.flags != kVnetNeedsChecksum) return DropReason::BadOffload;
    const auto type = static_cast<std::uint8_t>(given.gso_type & ~kVnetGsoEcn);
    const bool has_ecn = type != given.gso_type;
    if (type == kVnetGsoNone || type != gso_type_of(key) || (has_ecn && key.protocol != kTcp)) {
      return DropReason::BadOffload;
    }
    if (given.gso_size == 0 || info.payload_bytes > std::size_t{given.gso_size} * kMaxSegments) {
      return DropReason::BadOffload;
    }
    const std::size_t header_bytes = info.l4_offset + l4_header_bytes;
    const std::size_t segment_l3 = header_bytes - kEthernetBytes + given.gso_size;
    if (segment_l3 > 0xffff) return DropReason::BadOffload;
    clean.gso_type = given.gso_type;
    clean.gso_size = given.gso_size;
    clean.header_bytes = static_cast<std::uint16_t>(header_bytes);
    // A frame of one segment is compared by its own size.
    if (segment_l3 < info.l3_bytes) info.mtu_bytes = static_cast<std::uint16_t>(segment_l3);
    info.gso_l3_bytes = static_cast<std::uint16_t>(segment_l3);
  }
  store(wire, clean);
  return DropReason::None;
}

}  // namespace bulkhead::dataplane
