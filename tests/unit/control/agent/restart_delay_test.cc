// SPDX-License-Identifier: Apache-2.0
#include "control/agent/restart_delay.h"

#include <gtest/gtest.h>

namespace bulkhead::control::agent {
namespace {

using namespace std::chrono_literals;

TEST(RestartDelay, StartsAgainAtOnceEvenAfterAShortLife) {
  RestartDelay delay;
  EXPECT_EQ(delay.after_life_of(10s), 0s);
  EXPECT_EQ(delay.after_life_of(600ms), 0s);
}

TEST(RestartDelay, WaitsLongerInASeriesOfShortLivesUpToASecond) {
  RestartDelay delay;
  EXPECT_EQ(delay.after_life_of(1ms), 0ms);
  EXPECT_EQ(delay.after_life_of(1ms), 0ms);
  EXPECT_EQ(delay.after_life_of(1ms), 50ms);
  EXPECT_EQ(delay.after_life_of(1ms), 100ms);
  for (int i = 0; i < 100; ++i) static_cast<void>(delay.after_life_of(1ms));
  EXPECT_EQ(delay.after_life_of(1ms), 1s);
}

TEST(RestartDelay, ForgetsTheSeriesAfterALongLife) {
  RestartDelay delay;
  for (int i = 0; i < 100; ++i) static_cast<void>(delay.after_life_of(1ms));
  EXPECT_EQ(delay.after_life_of(2s), 0s);
  EXPECT_EQ(delay.after_life_of(1ms), 0s);
}

}  // namespace
}  // namespace bulkhead::control::agent
