// SPDX-License-Identifier: Apache-2.0
#include "control/apply/address_journal.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace bulkhead::control::apply {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const IpAddress kOne = IpAddress::v4(10, 88, 0, 1);
const IpAddress kTwo = IpAddress::v4(10, 88, 0, 2);
const IpAddress kSix = *IpAddress::parse("fd88::1");

class AddressJournalTest : public testing::Test {
 protected:
  AddressJournal open() {
    auto journal = AddressJournal::open(file_);
    EXPECT_TRUE(journal) << journal.error().text();
    return std::move(*journal);
  }

  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "addresses";
};

TEST_F(AddressJournalTest, BothFamiliesOutliveTheProcess) {
  ASSERT_TRUE(open().will_hold(std::vector{kOne, kSix}));
  EXPECT_THAT(open().held(), ElementsAre(kOne, kSix));
}

TEST_F(AddressJournalTest, WhatWasReleasedIsNotHeld) {
  auto journal = open();
  ASSERT_TRUE(journal.will_hold(std::vector{kOne, kTwo}));
  ASSERT_TRUE(journal.released(std::vector{kOne}));
  EXPECT_THAT(open().held(), ElementsAre(kTwo));
}

TEST_F(AddressJournalTest, ALineThatWasCutShortIsIgnored) {
  ASSERT_TRUE(open().will_hold(std::vector{kOne}));
  std::ofstream(file_, std::ios::app) << "+10.88.0.2";
  EXPECT_THAT(open().held(), ElementsAre(kOne));
}

TEST_F(AddressJournalTest, ClearForgetsAll) {
  auto journal = open();
  ASSERT_TRUE(journal.will_hold(std::vector{kOne}));
  ASSERT_TRUE(journal.clear());
  EXPECT_THAT(open().held(), IsEmpty());
}

TEST_F(AddressJournalTest, StaysShortHoweverOftenAddressesComeAndGo) {
  auto journal = open();
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(journal.will_hold(std::vector{kOne}));
    ASSERT_TRUE(journal.released(std::vector{kOne}));
  }
  EXPECT_LT(std::filesystem::file_size(file_), 10'000u * 11u);
  EXPECT_THAT(open().held(), IsEmpty());
}

// A full disk, played by the limit on file sizes.
TEST_F(AddressJournalTest, AfterAFailedWriteTheNextAttemptWritesAgain) {
  auto journal = open();
  ASSERT_TRUE(journal.will_hold(std::vector{kOne}));
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit full{std::filesystem::file_size(file_) + 3, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &full);
  const Status failed = journal.will_hold(std::vector{kTwo});
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_FALSE(failed);
  EXPECT_FALSE(journal.held().contains(kTwo));
  ASSERT_TRUE(journal.will_hold(std::vector{kTwo, kSix}));
  EXPECT_THAT(open().held(), ElementsAre(kOne, kTwo, kSix));
}

}  // namespace
}  // namespace bulkhead::control::apply
