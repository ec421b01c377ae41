// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "dataplane/port/eal.h"

namespace bulkhead::dataplane {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kNeededMegabytes = 84;

EalSettings wants(MemoryChoice memory) { return {memory, kNeededMegabytes, {}}; }

TEST(Memory, ReadsWhatTheKernelSaysOfHugepages) {
  std::istringstream meminfo(
      "MemTotal:       24683204 kB\nFileHugePages:     12288 kB\nHugePages_Total:      64\n"
      "HugePages_Free:       31\nHugePages_Rsvd:        5\nHugepagesize:       2048 kB\n");
  const Hugepages pages = read_hugepages(meminfo);
  EXPECT_EQ(pages.total, 64u);
  EXPECT_EQ(pages.free, 31u);
  EXPECT_EQ(pages.reserved, 5u);
  EXPECT_EQ(pages.kilobytes, 2048u);
}

TEST(Memory, AutoTakesHugepagesOnlyWhenAllFits) {
  const auto fits = choose_memory(wants(MemoryChoice::Auto), {64, 42, 0, 2048});
  ASSERT_TRUE(fits);
  EXPECT_TRUE(fits->uses_hugepages);
  const auto lacks = choose_memory(wants(MemoryChoice::Auto), {64, 41, 0, 2048});
  ASSERT_TRUE(lacks);
  EXPECT_FALSE(lacks->uses_hugepages);
  EXPECT_EQ(lacks->reason, "82 MB of hugepages are free, 84 MB are needed");
}

TEST(Memory, PagesPromisedToOthersAreNotFree) {
  const auto choice = choose_memory(wants(MemoryChoice::Auto), {64, 60, 20, 2048});
  ASSERT_TRUE(choice);
  EXPECT_FALSE(choice->uses_hugepages);
}

// The advice keeps what others use: 42 for all would take pages away from them.
TEST(Memory, TooFewNamesHowManyToReserveBesidesThoseInUse) {
  const auto choice = choose_memory(wants(MemoryChoice::Hugepages), {64, 31, 0, 2048});
  ASSERT_FALSE(choice);
  EXPECT_THAT(choice.error().text(), HasSubstr("needs 84 MB, 62 MB are free"));
  EXPECT_THAT(choice.error().text(), HasSubstr("sysctl vm.nr_hugepages=75"));
  EXPECT_TRUE(choose_memory(wants(MemoryChoice::Hugepages), {75, 42, 0, 2048}));
}

TEST(Memory, PlainAsksForNone) {
  const auto choice = choose_memory(wants(MemoryChoice::Plain), {64, 64, 0, 2048});
  ASSERT_TRUE(choice);
  EXPECT_FALSE(choice->uses_hugepages);
}

}  // namespace
}  // namespace bulkhead::dataplane
