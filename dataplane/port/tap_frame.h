// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rte_mbuf.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "dataplane/packet/batch.h"
#include "policy/base/drop_reason.h"

// Where a TAP's bytes stand in a buffer, and what its errors mean: shared by both I/O methods.
namespace bulkhead::dataplane {

[[nodiscard]] inline char* tap_bytes(const rte_mbuf* buffer) {
  return rte_pktmbuf_mtod(buffer, char*) - kVnetHeaderBytes;
}

// How many bytes the kernel may write at tap_bytes() of an empty buffer.
[[nodiscard]] inline std::size_t tap_room(const rte_mbuf* buffer) {
  return rte_pktmbuf_tailroom(buffer) + kVnetHeaderBytes;
}

// The kernel wrote `count` bytes, the virtio-net header first.
inline void set_tap_length(rte_mbuf* buffer, std::size_t count) {
  const std::size_t frame = count > kVnetHeaderBytes ? count - kVnetHeaderBytes : 0;
  buffer->data_len = static_cast<std::uint16_t>(frame);
  buffer->pkt_len = static_cast<std::uint32_t>(frame);
}

[[nodiscard]] inline std::size_t tap_length(const rte_mbuf* buffer) {
  return buffer->data_len + kVnetHeaderBytes;
}

// EBADFD: the device was deleted; the fd stays open but will never work again.
[[nodiscard]] constexpr bool means_vanished(int error) {
  return error == EBADFD || error == ENODEV || error == EBADF || error == ENXIO;
}

[[nodiscard]] constexpr DropReason reason_of_write_error(int error) {
  switch (error) {
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
      return DropReason::PortFull;
    case EINVAL:
      return DropReason::BadOffload;  // the kernel refused the virtio-net header
    default:
      return DropReason::PortDown;  // EIO: link down; EBADFD: gone
  }
}

}  // namespace bulkhead::dataplane
