// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/unit/control/source/dir_source_fixture.h"

// Files that somebody has open.
namespace bulkhead::control::source {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST_F(DirSourceTest, ReportsAnEditOnceItsWriterHasClosed) {
  write(folder_ / "a.yaml", kNamespace);
  start();
  read();
  std::ofstream file(folder_ / "a.yaml", std::ios::trunc);
  file << kOther << std::flush;
  EXPECT_THAT(read(), IsEmpty());
  file.close();
  EXPECT_THAT(read(), ElementsAre("a.yaml: db"));
}

TEST_F(DirSourceTest, WaitsForANeighbourThatIsStillBeingWritten) {
  start();
  read();
  const Time first = now_;
  write(folder_ / "a.yaml", kNamespace);
  std::ofstream slow(folder_ / "b.yaml");
  EXPECT_THAT(read_once(), IsEmpty());
  now_ += kQuietOfMany;
  slow << kOther << std::flush;
  EXPECT_THAT(read_once(), IsEmpty());
  EXPECT_EQ(source_->deadline(), first + kLongestWaitOfMany);
  slow.close();
  EXPECT_THAT(read(), UnorderedElementsAre("a.yaml: web", "b.yaml: db"));
}

TEST_F(DirSourceTest, DoesNotWaitForAFileThatIsOnlyHeldOpen) {
  start();
  read();
  std::ofstream held(folder_ / "b.yaml");
  held << kOther << std::flush;
  EXPECT_THAT(read(), IsEmpty());
  now_ += kLongestWait;
  write(folder_ / "a.yaml", kNamespace);
  EXPECT_THAT(read(), ElementsAre("a.yaml: web"));
}

TEST_F(DirSourceTest, DoesNotReadAFileThatIsBeingWrittenAgain) {
  write(folder_ / "a.yaml", kNamespace);
  start();
  read();
  write(folder_ / "a.yaml", kOther);
  EXPECT_THAT(read_once(), IsEmpty());
  std::ofstream again(folder_ / "a.yaml", std::ios::trunc);
  EXPECT_THAT(read_once(), IsEmpty());
  now_ += kLongestWait;
  EXPECT_THAT(read_once(), IsEmpty());
  again << kOther;
  again.close();
  EXPECT_THAT(read(), ElementsAre("a.yaml: db"));
}

TEST_F(DirSourceTest, TakesANewFolderWholeWhileItIsBeingFilled) {
  start();
  read();
  fs::create_directory(folder_ / "team");
  EXPECT_THAT(read_once(), IsEmpty());
  write(folder_ / "team/a.yaml", kNamespace);
  std::ofstream slow(folder_ / "team/b.yaml");
  slow << "{apiVersion: v1, " << std::flush;
  EXPECT_THAT(read(), IsEmpty());
  slow << "kind: Namespace, metadata: {name: db}}";
  slow.close();
  EXPECT_THAT(read(), UnorderedElementsAre("team/a.yaml: web", "team/b.yaml: db"));
}

TEST_F(DirSourceTest, AChangeOfTheModeDoesNotEndAWrite) {
  write(folder_ / "a.yaml", kNamespace);
  start();
  read();
  std::ofstream slow(folder_ / "a.yaml", std::ios::trunc);
  EXPECT_THAT(read_once(), IsEmpty());
  ::chmod((folder_ / "a.yaml").c_str(), 0640);
  EXPECT_THAT(read_once(), IsEmpty());
  now_ += kLongestWait;
  EXPECT_THAT(read_once(), IsEmpty());
  slow << kOther;
  slow.close();
  EXPECT_THAT(read(), ElementsAre("a.yaml: db"));
}

TEST_F(DirSourceTest, AChangeOfTheModeIsRead) {
  write(folder_ / "a.yaml", kNamespace);
  start();
  read();
  std::ofstream(folder_ / "a.yaml") << kOther;
  read();
  ::chmod((folder_ / "a.yaml").c_str(), 0640);
  EXPECT_THAT(read_once(), IsEmpty());
  EXPECT_EQ(source_->deadline(), now_ + kQuiet);
}

TEST_F(DirSourceTest, ARescanDoesNotReadHalfAFile) {
  write(folder_ / "a.yaml", kNamespace);
  fs::create_directory(folder_ / "old");
  start();
  read();
  std::ofstream slow(folder_ / "a.yaml", std::ios::trunc);
  slow << "{apiVersion: v1, " << std::flush;
  EXPECT_THAT(read(), IsEmpty());
  now_ += kLongestWait;
  fs::create_directory(folder_ / "new");
  EXPECT_THAT(read(), IsEmpty());
  now_ += kLongestWait;
  fs::remove(folder_ / "old");
  EXPECT_THAT(read(), IsEmpty());
  slow << "kind: Namespace, metadata: {name: db}}";
  slow.close();
  EXPECT_THAT(read(), ElementsAre("a.yaml: db"));
}

TEST_F(DirSourceTest, ASavedFileThatIsThenHeldOpenIsReadInTheEnd) {
  write(folder_ / "a.yaml", kNamespace);
  start();
  read();
  write(folder_ / "a.yaml", kOther);
  std::ofstream held(folder_ / "a.yaml", std::ios::app);
  held << "# a note\n" << std::flush;
  EXPECT_THAT(read(), IsEmpty());
  const auto deadline = source_->deadline();
  ASSERT_TRUE(deadline);
  EXPECT_LE(*deadline, now_ + kLongestWriting);
  now_ = *deadline;
  EXPECT_THAT(read_once(), ElementsAre("a.yaml: db"));
  EXPECT_EQ(source_->deadline(), std::nullopt);
  held << "# another\n" << std::flush;
  held.close();
  EXPECT_THAT(read(), ElementsAre("a.yaml: db"));
}

TEST_F(DirSourceTest, AnEmptyFileThatIsHeldOpenTakesNothingAway) {
  write(folder_ / "a.yaml", kNamespace);
  start();
  read();
  std::ofstream held(folder_ / "a.yaml", std::ios::trunc);
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(read(), IsEmpty());
    now_ += kLongestWriting;
  }
  held << kOther;
  held.close();
  EXPECT_THAT(read(), ElementsAre("a.yaml: db"));
}

}  // namespace
}  // namespace bulkhead::control::source
