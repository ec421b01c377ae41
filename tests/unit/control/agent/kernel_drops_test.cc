// SPDX-License-Identifier: Apache-2.0
#include "control/agent/kernel_drops.h"

#include <gtest/gtest.h>

namespace bulkhead::control::agent {
namespace {

using namespace std::chrono_literals;

class KernelDropsTest : public testing::Test {
 protected:
  // What the kernel says of the links of these generations; absent = gone.
  std::uint64_t total(const std::map<std::uint32_t, std::optional<std::uint64_t>>& counts) {
    std::vector<CountedLink> links;
    answers_.clear();
    for (const auto& [generation, count] : counts) {
      links.push_back({generation, {"/run/netns/x", 1, "eth0"}});
      answers_.push_back(count);
    }
    return drops_.total(links, now_);
  }

  std::vector<std::optional<std::uint64_t>> answers_;
  int reads_ = 0;
  KernelDrops drops_{[this](const auto&) {
    ++reads_;
    return answers_;
  }};
  Time now_ = Clock::now();
};

TEST_F(KernelDropsTest, SumsAllLinks) { EXPECT_EQ(total({{1, 3}, {2, 4}}), 7u); }

TEST_F(KernelDropsTest, ALinkThatGoesKeepsWhatItCounted) {
  total({{1, 3}, {2, 4}});
  now_ += 2s;
  EXPECT_EQ(total({{2, 5}}), 8u);
}

TEST_F(KernelDropsTest, AnUnreadableLinkIsNotCountedTwice) {
  total({{1, 3}});
  now_ += 2s;
  EXPECT_EQ(total({{1, std::nullopt}}), 3u);
  now_ += 2s;
  EXPECT_EQ(total({{1, 4}}), 4u);
}

TEST_F(KernelDropsTest, ADeviceMadeAnewDoesNotLowerTheSum) {
  total({{1, 10}});
  now_ += 2s;
  EXPECT_EQ(total({{1, 2}}), 12u);
}

TEST_F(KernelDropsTest, AsksTheKernelAtMostOnceASecond) {
  EXPECT_EQ(total({{1, 1}}), 1u);
  now_ += 999ms;
  EXPECT_EQ(total({{1, 9}}), 1u);
  EXPECT_EQ(reads_, 1);
  now_ += 1ms;
  EXPECT_EQ(total({{1, 9}}), 9u);
}

}  // namespace
}  // namespace bulkhead::control::agent
