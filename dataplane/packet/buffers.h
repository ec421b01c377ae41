// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "policy/base/ids.h"

struct rte_mbuf;

namespace bulkhead::dataplane {

// Where packets that we write ourselves come from. Called only for those (ARP, ND, ICMP, resets).
class BufferSource {
 public:
  virtual ~BufferSource() = default;
  // An empty buffer with at least 128 bytes of headroom and 1600 of room, or null when there is
  // none. Thread: the worker.
  [[nodiscard]] virtual rte_mbuf* take() = 0;
  // Gives back one that was not used.
  virtual void give_back(rte_mbuf* buffer) = 0;
};

// Packets the pipeline wrote. Whoever drains it sends each to its port, counts it as `generated`
// and then as `sent` or `dropped`, and owns the buffers. One that was due and found no buffer has a
// null one: generated, and dropped as NoBuffer.
class Outbox {
 public:
  static constexpr std::size_t kCapacity = 128;
  struct Item {
    rte_mbuf* buffer = nullptr;
    PortId port;
  };

  [[nodiscard]] bool is_full() const { return size_ == kCapacity; }
  // The caller has asked is_full() first.
  void push(rte_mbuf* buffer, PortId port) { items_[size_++] = {buffer, port}; }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const Item& operator[](std::size_t i) const { return items_[i]; }
  void clear() { size_ = 0; }

 private:
  std::array<Item, kCapacity> items_{};
  std::size_t size_ = 0;
};

}  // namespace bulkhead::dataplane
