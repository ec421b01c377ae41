// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

#include "dataplane/api/events.h"
#include "policy/base/fd.h"

namespace bulkhead::control::flowlog {

using TakeEvent = std::function<void(const dataplane::api::Event&)>;

// Takes what waits in every ring, at most one ring's worth each; answers how many. The writer may
// be dying: a head that makes no sense empties the ring. Thread: one reader a set of rings.
std::size_t drain(dataplane::api::EventRings& rings, const TakeEvent& take);

// A thread that sleeps on the data plane's eventfd and drains the rings. The agent makes one when a
// data plane connects and destroys it when the connection ends; what is left then is taken first.
class RingReader {
 public:
  // `after_burst` runs when a drain took something (flush the export).
  RingReader(std::shared_ptr<dataplane::api::EventRings> rings, Fd wake, TakeEvent take,
             std::function<void()> after_burst);
  ~RingReader();
  RingReader(const RingReader&) = delete;
  RingReader& operator=(const RingReader&) = delete;

 private:
  void run();

  std::shared_ptr<dataplane::api::EventRings> rings_;
  Fd wake_;
  Fd stop_;
  TakeEvent take_;
  std::function<void()> after_burst_;
  std::thread thread_;
};

}  // namespace bulkhead::control::flowlog
