// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker/idle.h"

#include <algorithm>

namespace bulkhead::dataplane {

bool Idle::wants_sleep(std::uint64_t now_ns, bool found_work) {
  if (found_work) last_work_ns_ = now_ns;
  switch (mode_) {
    case PollMode::Busy:
      return false;
    case PollMode::Epoll:
      return !found_work;
    case PollMode::Adaptive:
      break;
  }
  return !found_work && now_ns - last_work_ns_ >= spin_ns_;
}

void Idle::slept(std::uint64_t from_ns, std::uint64_t until_ns) {
  const std::uint64_t slept_ns = until_ns - from_ns;
  if (slept_ns < kLongestSpinNs) {
    spin_ns_ = std::min(spin_ns_ * 2, kLongestSpinNs);
  } else if (slept_ns > 5 * kLongestSpinNs) {
    spin_ns_ = std::max(spin_ns_ / 2, kShortestSpinNs);
  }
}

}  // namespace bulkhead::dataplane
