// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "dataplane/packet/buffers.h"
#include "policy/base/result.h"

struct rte_mempool;

namespace bulkhead::dataplane {

// The largest frame a TAP gives or takes: 61440 bytes of L3 and an Ethernet header.
inline constexpr std::size_t kMaxFrameBytes = 61440 + 14;
// Between an mbuf's start and the frame; holds the virtio-net header right before the frame.
inline constexpr std::size_t kHeadroomBytes = 128;
// 61680 + 64 (mempool) + 128 (mbuf) bytes a buffer: no multiple of a page, so that the heads of
// successive buffers fall into different cache sets.
inline constexpr std::size_t kBufferBytes = 61680;
static_assert(kBufferBytes >= kHeadroomBytes + kMaxFrameBytes && kBufferBytes < 65536);
// Frames in flight per worker: those the kernel may fill, a burst being worked on, hand-over, held
// fragments. Untouched pages cost nothing without hugepages.
inline constexpr std::size_t kBuffersPerWorker = 1024;
// Ethdev ports receive into their own pool: drivers (AF_XDP) want frames of at most a page.
inline constexpr std::size_t kSmallBufferBytes = 2048 + kHeadroomBytes;
inline constexpr std::size_t kSmallBuffers = 16384;

[[nodiscard]] constexpr std::size_t pool_bytes_per_worker() {
  return kBuffersPerWorker * (kBufferBytes + 64 + 128);
}
[[nodiscard]] constexpr std::size_t small_pool_bytes() {
  return kSmallBuffers * (kSmallBufferBytes + 64 + 128);
}

// A bounded pool of packet buffers. Made by the control thread; used by its worker; buffers may be
// freed by any worker.
class BufferPool : public BufferSource {
 public:
  // Fails naming the memory that was asked for.
  [[nodiscard]] static Result<std::unique_ptr<BufferPool>> make(const char* name, std::size_t count,
                                                                std::size_t buffer_bytes);
  ~BufferPool() override;
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  [[nodiscard]] rte_mbuf* take() override;
  void give_back(rte_mbuf* buffer) override;
  // All or none.
  [[nodiscard]] bool take(std::span<rte_mbuf*> buffers);

  [[nodiscard]] rte_mempool* pool() const { return pool_; }
  [[nodiscard]] std::size_t in_use() const;

 private:
  explicit BufferPool(rte_mempool* pool) : pool_(pool) {}
  rte_mempool* pool_;
};

}  // namespace bulkhead::dataplane
