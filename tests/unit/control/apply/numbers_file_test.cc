// SPDX-License-Identifier: Apache-2.0
#include "control/apply/numbers_file.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

namespace bulkhead::control::apply {
namespace {

namespace fs = std::filesystem;

class NumbersFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "bulkhead-numbers-XXXXXX").native();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  NumbersFile::Loaded open() { return NumbersFile::open(folder_).value(); }
  static void save(NumbersFile::Loaded& loaded) {
    for (const auto& change : loaded.numbers.take_changes()) loaded.file.note(change);
    const Status saved = loaded.file.save(loaded.numbers, Revision(7));
    ASSERT_TRUE(saved) << saved.error().text();
  }
  std::uintmax_t size() const { return fs::file_size(folder_ / "numbers"); }

  fs::path folder_;
};

TEST_F(NumbersFileTest, MissingIsLostUntilItIsWrittenOnce) {
  auto first = open();
  EXPECT_TRUE(first.was_lost);
  save(first);
  const auto second = open();
  EXPECT_FALSE(second.was_lost);
  EXPECT_EQ(second.revision, Revision(7));
}

TEST_F(NumbersFileTest, ARevisionIsReadBackWhateverItsLengthAndThatOfTheLast) {
  auto loaded = open();
  std::ofstream(folder_ / "revision") << "98\n";  // as older versions wrote it
  EXPECT_EQ(open().revision, Revision(98));
  for (const std::uint64_t revision : {std::uint64_t{99}, ~std::uint64_t{0}, std::uint64_t{3}}) {
    const Status saved = loaded.file.save(loaded.numbers, Revision(revision));
    ASSERT_TRUE(saved) << saved.error().text();
    EXPECT_EQ(open().revision, Revision(revision));
  }
}

TEST_F(NumbersFileTest, GrowsByWhatChangesAndLeadsToTheSameNumbers) {
  auto loaded = open();
  for (int i = 0; i < 1000; ++i) (void)loaded.numbers.identity("key " + std::to_string(i));
  save(loaded);
  const auto before = size();
  loaded.numbers.release_identity("key 5");
  (void)loaded.numbers.identity("another");
  (void)loaded.numbers.slot("rule");
  save(loaded);
  EXPECT_LT(size(), before + 100);
  auto again = open();
  EXPECT_EQ(again.numbers.identities(), loaded.numbers.identities());
  EXPECT_EQ(again.numbers.slots(), loaded.numbers.slots());
  // And what is appended by the next agent is read by the one after it.
  again.numbers.release_identity("another");
  save(again);
  EXPECT_EQ(open().numbers.identities(), again.numbers.identities());
}

TEST_F(NumbersFileTest, ALineThatWasCutShortIsLeftOutAndNothingIsWrittenBehindIt) {
  auto loaded = open();
  (void)loaded.numbers.identity("kept");
  save(loaded);
  std::ofstream(folder_ / "numbers", std::ios::app) << "identity 17 half-a-k";
  auto again = open();
  EXPECT_FALSE(again.was_lost);
  EXPECT_EQ(again.numbers.identities(), loaded.numbers.identities());
  (void)again.numbers.identity("next");
  save(again);
  EXPECT_EQ(open().numbers.identities(), again.numbers.identities());
}

TEST_F(NumbersFileTest, DamageInTheMiddleIsLost) {
  auto loaded = open();
  (void)loaded.numbers.identity("kept");
  save(loaded);
  std::ofstream(folder_ / "numbers", std::ios::app) << "garbage\nidentity 17 b\n";
  EXPECT_TRUE(open().was_lost);
}

TEST_F(NumbersFileTest, IsWrittenWholeWhenItsLinesOutgrowTheNumbers) {
  auto loaded = open();
  save(loaded);
  std::uintmax_t largest = 0;
  for (int i = 0; i < 20'000; ++i) {
    (void)loaded.numbers.identity("come");
    loaded.numbers.release_identity("come");
    if (i % 100 == 0) save(loaded);
    largest = std::max(largest, size());
  }
  save(loaded);
  EXPECT_LT(largest, 200'000u);  // 40,000 lines are 800,000 bytes
  EXPECT_TRUE(open().numbers.identities().empty());
}

TEST_F(NumbersFileTest, AFailedWriteIsMadeUpForByTheNext) {
  auto loaded = open();
  (void)loaded.numbers.identity("one");
  save(loaded);
  const auto kept = folder_.native() + "-kept";
  fs::rename(folder_, kept);
  (void)loaded.numbers.identity("two");
  for (const auto& change : loaded.numbers.take_changes()) loaded.file.note(change);
  EXPECT_FALSE(loaded.file.save(loaded.numbers, Revision(8)));
  fs::rename(kept, folder_);
  (void)loaded.numbers.identity("three");
  save(loaded);
  EXPECT_EQ(open().numbers.identities(), loaded.numbers.identities());
}

}  // namespace
}  // namespace bulkhead::control::apply
