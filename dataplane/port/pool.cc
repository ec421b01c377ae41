// SPDX-License-Identifier: Apache-2.0
#include "dataplane/port/pool.h"

#include <rte_errno.h>
#include <rte_mbuf.h>

namespace bulkhead::dataplane {

static_assert(kHeadroomBytes == RTE_PKTMBUF_HEADROOM);

Result<std::unique_ptr<BufferPool>> BufferPool::make(const char* name, std::size_t count,
                                                     std::size_t buffer_bytes) {
  constexpr unsigned kCache = 64;  // one burst: a worker takes and frees without the shared ring
  rte_mempool* pool =
      rte_pktmbuf_pool_create(name, static_cast<unsigned>(count), kCache, 0,
                              static_cast<std::uint16_t>(buffer_bytes), SOCKET_ID_ANY);
  if (pool == nullptr) {
    return fail(
        "cannot make {} packet buffers of {} bytes: {}; give it {} MB of free memory or "
        "hugepages",
        count, buffer_bytes, rte_strerror(rte_errno), (count * buffer_bytes) >> 20);
  }
  return std::unique_ptr<BufferPool>(new BufferPool(pool));
}

BufferPool::~BufferPool() { rte_mempool_free(pool_); }

rte_mbuf* BufferPool::take() { return rte_pktmbuf_alloc(pool_); }

void BufferPool::give_back(rte_mbuf* buffer) { rte_pktmbuf_free(buffer); }

bool BufferPool::take(std::span<rte_mbuf*> buffers) {
  return rte_pktmbuf_alloc_bulk(pool_, buffers.data(), static_cast<unsigned>(buffers.size())) == 0;
}

std::size_t BufferPool::in_use() const { return rte_mempool_in_use_count(pool_); }

}  // namespace bulkhead::dataplane
