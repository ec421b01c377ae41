// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/unit/control/source/dir_source_fixture.h"

namespace bulkhead::control::source {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST_F(DirSourceTest, ListsWhatIsThereAtTheFirstRead) {
  fs::create_directory(folder_ / "team");
  write(folder_ / "a.yaml", kNamespace);
  write(folder_ / "team/b.yml", kOther);
  write(folder_ / ".hidden.yaml", kNamespace);
  write(folder_ / "c.yaml~", kNamespace);
  start();
  EXPECT_THAT(read(), UnorderedElementsAre("a.yaml: web", "team/b.yml: db"));
  EXPECT_THAT(read(), IsEmpty());
}

TEST_F(DirSourceTest, WaitsForNeighbouringEventsButNotForEver) {
  start();
  read();
  const Time first = now_;
  write(folder_ / "a.yaml", kNamespace);
  EXPECT_THAT(read_once(), IsEmpty());
  EXPECT_EQ(source_->deadline(), first + kQuiet);
  while (now_ + 500us < first + kLongestWait) {
    now_ += 500us;
    write(folder_ / "a.yaml", kOther);
    EXPECT_THAT(read_once(), IsEmpty());
  }
  now_ = first + kLongestWait;
  EXPECT_THAT(read_once(), ElementsAre("a.yaml: db"));
}

TEST_F(DirSourceTest, WaitsLongerForTheRestOfSeveralFiles) {
  start();
  read();
  write(folder_ / "a.yaml", kNamespace);
  EXPECT_THAT(read_once(), IsEmpty());
  now_ += kQuiet - 1us;
  write(folder_ / "b.yaml", kOther);
  EXPECT_THAT(read_once(), IsEmpty());
  EXPECT_EQ(source_->deadline(), now_ + kQuietOfMany);
  now_ += kQuietOfMany - 1us;
  write(folder_ / "c.yaml", "{apiVersion: v1, kind: Namespace, metadata: {name: dns}}");
  EXPECT_THAT(read_once(), IsEmpty());
  now_ += kQuietOfMany;
  EXPECT_THAT(read_once(), UnorderedElementsAre("a.yaml: web", "b.yaml: db", "c.yaml: dns"));
}

TEST_F(DirSourceTest, AFileThatBecomesAFolderIsGone) {
  write(folder_ / "a.yaml", kNamespace);
  start();
  read();
  fs::remove(folder_ / "a.yaml");
  EXPECT_THAT(read(), ElementsAre("a.yaml: vanishing"));
  fs::create_directory(folder_ / "a.yaml");
  now_ += kVanishedAfter;
  EXPECT_THAT(read(), ElementsAre("a.yaml: gone"));
  EXPECT_EQ(source_->deadline(), std::nullopt);
}

TEST_F(DirSourceTest, CountsAMissingFileAsDeletedOnlyAfterHalfASecond) {
  write(folder_ / "a.yaml", kNamespace);
  start();
  read();
  fs::remove(folder_ / "a.yaml");
  EXPECT_THAT(read(), ElementsAre("a.yaml: vanishing"));
  now_ += kVanishedAfter - 1ms;
  EXPECT_THAT(read_once(), IsEmpty());
  now_ += 1ms;
  EXPECT_THAT(read_once(), ElementsAre("a.yaml: gone"));
}

TEST_F(DirSourceTest, AnEditorsRenameNeverDeletesTheFile) {
  write(folder_ / "a.yaml", kNamespace);
  start();
  read();
  fs::rename(folder_ / "a.yaml", folder_ / "a.yaml~");
  EXPECT_THAT(read(), ElementsAre("a.yaml: vanishing"));
  write(folder_ / ".a.yaml.swp", "b0VIM");
  write(folder_ / "a.yaml.tmp", kOther);
  fs::rename(folder_ / "a.yaml.tmp", folder_ / "a.yaml");
  EXPECT_THAT(read(), ElementsAre("a.yaml: db"));
  now_ += 10s;
  EXPECT_THAT(read(), IsEmpty());
}

TEST_F(DirSourceTest, FollowsARenameToAnotherName) {
  write(folder_ / "a.yaml", kNamespace);
  start();
  read();
  fs::rename(folder_ / "a.yaml", folder_ / "b.yaml");
  EXPECT_THAT(read(), UnorderedElementsAre("a.yaml: vanishing", "b.yaml: web"));
  now_ += kVanishedAfter;
  EXPECT_THAT(read(), ElementsAre("a.yaml: gone"));
}

TEST_F(DirSourceTest, SeesAConfigMapSwap) {
  const auto version = [this](const std::string& name, std::string_view text) {
    fs::create_directory(folder_ / name);
    write(folder_ / name / "a.yaml", text);
    fs::create_directory_symlink(name, folder_ / "..data_tmp");
    fs::rename(folder_ / "..data_tmp", folder_ / "..data");
  };
  version("..2026_1", kNamespace);
  fs::create_symlink("..data/a.yaml", folder_ / "a.yaml");
  start();
  EXPECT_THAT(read(), ElementsAre("a.yaml: web"));
  version("..2026_2", kOther);
  fs::remove_all(folder_ / "..2026_1");
  EXPECT_THAT(read(), ElementsAre("a.yaml: db"));
}

TEST_F(DirSourceTest, SeesAChangeBehindALink) {
  fs::create_directory(base_ / "elsewhere");
  write(base_ / "elsewhere/real", kNamespace);
  fs::create_symlink(base_ / "elsewhere/real", folder_ / "a.yaml");
  start();
  EXPECT_THAT(read(), ElementsAre("a.yaml: web"));
  write(base_ / "elsewhere/real", kOther);
  EXPECT_THAT(read(), ElementsAre("a.yaml: db"));
}

TEST_F(DirSourceTest, ScansANewFolderThatWasFilledBeforeItsWatch) {
  start();
  read();
  fs::create_directories(folder_ / "team/blue");
  write(folder_ / "team/blue/a.yaml", kNamespace);
  EXPECT_THAT(read(), ElementsAre("team/blue/a.yaml: web"));
  write(folder_ / "team/blue/a.yaml", kOther);
  EXPECT_THAT(read(), ElementsAre("team/blue/a.yaml: db"));
  fs::remove_all(folder_ / "team");
  EXPECT_THAT(read(), ElementsAre("team/blue/a.yaml: vanishing"));
}

TEST_F(DirSourceTest, AFolderThatVanishesIsAFailureNotADeletion) {
  write(folder_ / "a.yaml", kNamespace);
  start();
  read();
  fs::rename(folder_, base_ / "away");
  EXPECT_THAT(read(), IsEmpty());
  EXPECT_TRUE(source_->failure());
  now_ += 10s;
  EXPECT_THAT(read(), IsEmpty());
  fs::rename(base_ / "away", folder_);
  now_ += kRetry;
  EXPECT_THAT(read(), IsEmpty());
  EXPECT_FALSE(source_->failure());
  write(folder_ / "a.yaml", kOther);
  EXPECT_THAT(read(), ElementsAre("a.yaml: db"));
}

TEST_F(DirSourceTest, AKnownFileThatTheFirstListingMissesIsVanishing) {
  start({"a.yaml"});
  EXPECT_THAT(read(), ElementsAre("a.yaml: vanishing"));
  now_ += kVanishedAfter;
  EXPECT_THAT(read(), ElementsAre("a.yaml: gone"));
}

TEST_F(DirSourceTest, AFileThatIsNotRegularIsNotRead) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe.yaml").c_str(), 0600), 0);
  start();
  EXPECT_THAT(read(), IsEmpty());
}

TEST_F(DirSourceTest, AHugeFileIsBrokenAndOfUnknownScope) {
  write(folder_ / "a.yaml", "");
  fs::resize_file(folder_ / "a.yaml", parse::Limits{}.file_bytes + 1);
  start();
  const auto changes = source_->read(now_);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_TRUE(changes[0].content->parsed.is_broken());
  EXPECT_FALSE(changes[0].content->parsed.is_scope_known);
}

// fchmod() right after open(): `install`, archives, whoever copies modes first.
TEST_F(DirSourceTest, AFileThatBecomesAFolderAtOnceIsGone) {
  write(folder_ / "a.yaml", kNamespace);
  start();
  read();
  fs::remove(folder_ / "a.yaml");
  fs::create_directory(folder_ / "a.yaml");
  EXPECT_THAT(read(), ElementsAre("a.yaml: vanishing"));
  now_ += kVanishedAfter;
  EXPECT_THAT(read(), ElementsAre("a.yaml: gone"));
}

}  // namespace
}  // namespace bulkhead::control::source
