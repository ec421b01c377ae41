// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "policy/base/fd.h"

namespace bulkhead::control::agent {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

// The control thread's event loop. Everything the agent knows is owned by the thread that calls
// run(); others post work to it and wait.
class Loop {
 public:
  Loop();

  // Thread: any. Work posted after stop() is dropped, and its future is broken.
  void post(std::function<void()> work);
  void stop();

  // Runs `work` on the control thread and hands back what it returns; nothing when that takes
  // longer than `patience` (the work may still run later) or the loop has stopped.
  template <class Work>
  auto call(Work work, std::chrono::milliseconds patience)
      -> std::optional<std::invoke_result_t<Work>> {
    auto task = std::make_shared<std::packaged_task<std::invoke_result_t<Work>()>>(std::move(work));
    auto future = task->get_future();
    post([task] { (*task)(); });
    // Whoever drops the task last breaks the promise; the reference here must not keep it whole.
    task.reset();
    if (future.wait_for(patience) != std::future_status::ready) return std::nullopt;
    try {
      return future.get();
    } catch (const std::future_error&) {
      return std::nullopt;
    }
  }

  // What run() waits for: readable descriptors (-1 is skipped) and a deadline. Asked before every
  // wait; `step` runs after it and after all posted work.
  struct Waits {
    std::vector<int> descriptors;
    std::optional<Time> deadline;
  };
  void run(const std::function<Waits()>& waits, const std::function<void(Time)>& step);

 private:
  [[nodiscard]] bool run_posted();

  std::mutex mutex_;
  std::deque<std::function<void()>> posted_;
  bool is_stopped_ = false;
  Fd wake_;
};

}  // namespace bulkhead::control::agent
