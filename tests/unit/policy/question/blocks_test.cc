// SPDX-License-Identifier: Apache-2.0
#include "policy/question/blocks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bulkhead::question {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> merged_texts(const std::vector<const char*>& texts) {
  std::vector<Prefix> blocks;
  for (const char* text : texts) blocks.push_back(Prefix::parse(text).value().prefix);
  std::vector<std::string> out;
  for (const auto& block : merged(std::move(blocks))) out.push_back(block.text());
  return out;
}

TEST(Blocks, JoinsHalvesUpwards) {
  EXPECT_THAT(merged_texts({"10.0.0.3/32", "10.0.0.0/32", "10.0.0.2/32", "10.0.0.1/32"}),
              ElementsAre("10.0.0.0/30"));
  EXPECT_THAT(merged_texts({"fd00::1/128", "fd00::/128"}), ElementsAre("fd00::/127"));
  EXPECT_THAT(merged_texts({"0.0.0.0/1", "128.0.0.0/1"}), ElementsAre("0.0.0.0/0"));
}

TEST(Blocks, NeverHoldsMoreThanItWasGiven) {
  EXPECT_THAT(merged_texts({"10.0.0.1/32", "10.0.0.2/32"}),
              ElementsAre("10.0.0.1/32", "10.0.0.2/32"));
  EXPECT_THAT(merged_texts({"10.0.0.0/32", "10.0.0.1/32", "10.0.0.2/32"}),
              ElementsAre("10.0.0.0/31", "10.0.0.2/32"));
  EXPECT_THAT(merged_texts({}), IsEmpty());
}

TEST(Blocks, DropsWhatAnotherHolds) {
  EXPECT_THAT(merged_texts({"10.0.0.7/32", "10.0.0.0/8", "10.0.0.7/32"}),
              ElementsAre("10.0.0.0/8"));
}

TEST(Blocks, KeepsFamiliesApart) {
  EXPECT_THAT(merged_texts({"::/0", "0.0.0.0/0"}), ElementsAre("0.0.0.0/0", "::/0"));
}

}  // namespace
}  // namespace bulkhead::question
