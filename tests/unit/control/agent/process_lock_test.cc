// SPDX-License-Identifier: Apache-2.0
#include "control/agent/process_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/temporary_folder.h"

namespace bulkhead::control::agent {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(ProcessLock, ASecondHolderIsToldWhoTheFirstIs) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "run" / "agent.lock";
  const auto first = lock_process_file(file, "bulkhead-agent");
  ASSERT_TRUE(first) << first.error().text();
  const auto second = lock_process_file(file, "bulkhead-agent");
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().text(),
              AllOf(HasSubstr(file.string()), HasSubstr("bulkhead-agent"),
                    HasSubstr("(process " + std::to_string(::getpid()) + ")")));
}

TEST(ProcessLock, IsFreeAgainWhenItsHolderEnds) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "agent.lock";
  { ASSERT_TRUE(lock_process_file(file, "bulkhead-agent")); }
  EXPECT_TRUE(lock_process_file(file, "bulkhead-agent"));
}

TEST(ProcessLock, FollowsNoLink) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "agent.lock";
  std::filesystem::create_symlink(folder.path() / "elsewhere", file);
  EXPECT_FALSE(lock_process_file(file, "bulkhead-agent"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "elsewhere"));
}

}  // namespace
}  // namespace bulkhead::control::agent
