// SPDX-License-Identifier: Apache-2.0
#include "dataplane/port/offload.h"

#include <rte_ip.h>

#include <cstring>

#include "dataplane/port/tap_frame.h"

namespace bulkhead::dataplane {
namespace {

// struct virtio_net_hdr (virtio 1.2, section 5.1.6), little-endian; its C header is no C++.
struct VnetHeader {
  std::uint8_t flags = 0;
  std::uint8_t gso_type = 0;
  std::uint16_t hdr_len = 0;
  std::uint16_t gso_size = 0;
  std::uint16_t csum_start = 0;
  std::uint16_t csum_offset = 0;
};
static_assert(sizeof(VnetHeader) == 10);
constexpr std::uint8_t kNeedsChecksum = 1;

}  // namespace

std::optional<DropReason> complete_offloads(rte_mbuf* frame) {
  VnetHeader header;
  std::memcpy(&header, tap_bytes(frame), sizeof header);
  if (header.gso_type != 0) return DropReason::NeedsSegmentation;
  if ((header.flags & kNeedsChecksum) != 0) {
    const std::size_t start = header.csum_start;
    const std::size_t field = start + header.csum_offset;
    if (start >= frame->data_len || field + 2 > frame->data_len) return DropReason::BadOffload;
    auto* bytes = rte_pktmbuf_mtod(frame, std::uint8_t*);
    auto sum = static_cast<std::uint16_t>(~rte_raw_cksum(bytes + start, frame->data_len - start));
    if (sum == 0) sum = 0xffff;  // RFC 768: zero would mean "none"; elsewhere both are the same
    std::memcpy(bytes + field, &sum, sizeof sum);
  }
  std::memset(tap_bytes(frame), 0, kVnetHeaderBytes);
  return std::nullopt;
}

}  // namespace bulkhead::dataplane
