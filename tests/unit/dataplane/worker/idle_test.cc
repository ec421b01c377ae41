// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker/idle.h"

#include <gtest/gtest.h>

namespace bulkhead::dataplane {
namespace {

constexpr std::uint64_t kUs = 1000;

TEST(Idle, SpinsAfterTrafficThenSleeps) {
  Idle idle(PollMode::Adaptive);
  EXPECT_FALSE(idle.wants_sleep(1000 * kUs, true));
  EXPECT_FALSE(idle.wants_sleep(1049 * kUs, false));
  EXPECT_TRUE(idle.wants_sleep(1050 * kUs, false));
}

TEST(Idle, NeverSleepsWhenBusy) {
  Idle idle(PollMode::Busy);
  EXPECT_FALSE(idle.wants_sleep(3'600'000'000 * kUs, false));
}

TEST(Idle, SleepsAtOnceWithEpollOnly) {
  Idle idle(PollMode::Epoll);
  EXPECT_FALSE(idle.wants_sleep(10, true));
  EXPECT_TRUE(idle.wants_sleep(11, false));
}

TEST(Idle, SpinsLongerWhileSleepsAreShort) {
  Idle idle(PollMode::Adaptive);
  idle.slept(0, 30 * kUs);
  idle.slept(0, 30 * kUs);
  idle.slept(0, 30 * kUs);
  EXPECT_EQ(idle.spin_ns(), Idle::kLongestSpinNs);
  idle.slept(0, 50'000 * kUs);
  idle.slept(0, 50'000 * kUs);
  idle.slept(0, 50'000 * kUs);
  EXPECT_EQ(idle.spin_ns(), Idle::kShortestSpinNs);
}

}  // namespace
}  // namespace bulkhead::dataplane
