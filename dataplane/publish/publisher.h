// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include "dataplane/publish/snapshot.h"

namespace bulkhead::dataplane {

// The one pointer through which workers see the world. One thread publishes; each worker reads it
// once a burst and passes a quiescent state between bursts. A sleeping worker is offline: nobody
// waits for it, and it reads the pointer again when it wakes.
class Publisher {
 public:
  // Starts with an empty snapshot: no table, no ports, everything closed. `addresses` is borrowed
  // and outlives the publisher.
  Publisher(std::size_t workers, const AddressMap& addresses);
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // Worker `worker` only, on its own thread. What read() gives is valid until the next quiescent()
  // or leave().
  void enter(std::size_t worker);
  void leave(std::size_t worker);
  void quiescent(std::size_t worker);
  [[nodiscard]] const Snapshot& read() const { return *current_.load(std::memory_order_acquire); }

  // Control thread only. Exchanges the pointer, waits until no worker can hold the old snapshot,
  // frees it.
  void publish(std::unique_ptr<const Snapshot> next);
  // Waits until every worker has passed a quiescent state or is offline: what the control thread
  // wrote before (an address, say) is seen by every later burst.
  void synchronize();
  [[nodiscard]] const Snapshot& current() const { return read(); }

 private:
  struct Quiescence;
  std::unique_ptr<Quiescence> quiescence_;
  std::atomic<const Snapshot*> current_;  // control: exchanges; workers: load once a burst
};

}  // namespace bulkhead::dataplane
