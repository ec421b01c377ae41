// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "dataplane/port/port.h"

struct rte_ring;

namespace bulkhead::dataplane {

// A port whose other end is a test on another thread: frames put in are received, frames sent are
// taken out.
class RingPort {
 public:
  [[nodiscard]] static Result<std::unique_ptr<RingPort>> make(const char* name, std::size_t size);
  ~RingPort();
  RingPort(const RingPort&) = delete;
  RingPort& operator=(const RingPort&) = delete;

  // The test's end. Gives how many there was room for, or how many came out.
  [[nodiscard]] std::size_t put(std::span<rte_mbuf* const> frames);
  [[nodiscard]] std::size_t take(std::span<rte_mbuf*> frames);

  // The worker's end, for one worker; borrows this port.
  [[nodiscard]] std::unique_ptr<PolledQueue> queue();

 private:
  RingPort(rte_ring* inbound, rte_ring* outbound) : inbound_(inbound), outbound_(outbound) {}
  rte_ring* inbound_;
  rte_ring* outbound_;
};

}  // namespace bulkhead::dataplane
