// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "dataplane/api/messages.h"
#include "dataplane/packet/batch.h"
#include "policy/base/result.h"

struct rte_ring;

namespace bulkhead::dataplane {

// Rings by which a worker passes packets to the owner of their flow. Many may put into a worker's
// ring, only it takes out. A packet in a ring is counted by nobody: the worker where it ends counts
// it as received.
class HandOff {
 public:
  static constexpr std::size_t kRingSize = 512;  // of a worker's 1024 buffers at most half wait

  [[nodiscard]] static Result<std::unique_ptr<HandOff>> make(std::size_t workers);
  ~HandOff();
  HandOff(const HandOff&) = delete;
  HandOff& operator=(const HandOff&) = delete;

  // False: the ring is full and the packet stays the caller's.
  [[nodiscard]] bool put(std::uint8_t owner, rte_mbuf* packet, PortId in_port,
                         std::uint32_t generation);

  // Appends what waits for `worker` to the batch, marked as handed over: at most half its room.
  void take(std::uint8_t worker, Batch& batch);

  // Around a worker's sleep: between them put() by others calls for a wake-up. False: something
  // waits already, do not sleep.
  [[nodiscard]] bool lie_down(std::uint8_t worker);
  void get_up(std::uint8_t worker);
  // After put(): does the owner have to be woken? True once a sleep: one wake-up is enough.
  [[nodiscard]] bool sleeps(std::uint8_t worker);

 private:
  HandOff() = default;
  struct alignas(64) Lane {
    rte_ring* ring = nullptr;
    std::atomic<bool> is_asleep{false};  // written by the owner, read by the others
  };
  std::array<Lane, api::kMaxWorkers> lanes_;
};

}  // namespace bulkhead::dataplane
