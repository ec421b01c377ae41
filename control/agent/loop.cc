// SPDX-License-Identifier: Apache-2.0
#include "control/agent/loop.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

namespace bulkhead::control::agent {
namespace {

constexpr std::chrono::seconds kLongestWait{60};

// To the nanosecond: an edit waits a millisecond for its neighbours, rounded up it would be two.
timespec wait_until(const std::optional<Time>& deadline) {
  std::chrono::nanoseconds left = kLongestWait;
  if (deadline) {
    const Time now = Clock::now();
    left =
        *deadline <= now ? left.zero() : std::min<std::chrono::nanoseconds>(left, *deadline - now);
  }
  const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
  return {static_cast<std::time_t>(seconds.count()), static_cast<long>((left - seconds).count())};
}

}  // namespace

Loop::Loop() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Loop::post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (is_stopped_) return;
    posted_.push_back(std::move(work));
  }
  ::eventfd_write(wake_.value(), 1);
}

void Loop::stop() {
  std::deque<std::function<void()>> dropped;
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
    dropped.swap(posted_);
  }
  ::eventfd_write(wake_.value(), 1);
}

bool Loop::run_posted() {
  for (;;) {
    std::function<void()> work;
    {
      const std::lock_guard lock(mutex_);
      if (is_stopped_) return false;
      if (posted_.empty()) return true;
      work = std::move(posted_.front());
      posted_.pop_front();
    }
    work();
  }
}

void Loop::run(const std::function<Waits()>& waits, const std::function<void(Time)>& step) {
  while (run_posted()) {
    step(Clock::now());
    const Waits next = waits();
    std::vector<pollfd> polled = {{wake_.value(), POLLIN, 0}};
    for (const int fd : next.descriptors) {
      if (fd >= 0) polled.push_back({fd, POLLIN, 0});
    }
    const timespec wait = wait_until(next.deadline);
    ::ppoll(polled.data(), polled.size(), &wait, nullptr);
    eventfd_t ignored = 0;
    ::eventfd_read(wake_.value(), &ignored);
  }
}

}  // namespace bulkhead::control::agent
