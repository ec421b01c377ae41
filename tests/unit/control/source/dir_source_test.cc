// SPDX-License-Identifier: Apache-2.0
#include "control/source/dir_source.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace bulkhead::control::source {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr auto kNamespace = "{apiVersion: v1, kind: Namespace, metadata: {name: web}}\n";
constexpr auto kOther = "{apiVersion: v1, kind: Namespace, metadata: {name: db}}\n";

// A folder of its own and a clock that moves only when told.
class DirSourceTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "bulkhead-source-XXXXXX").native();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    base_ = name;
    folder_ = base_ / "policies.d";
    fs::create_directory(folder_);
  }
  void TearDown() override { fs::remove_all(base_); }

  void start(std::vector<std::string> known = {}) {
    auto source = DirSource::open(folder_, std::move(known));
    ASSERT_TRUE(source) << source.error().text();
    source_ = std::move(*source);
  }
  void write(const fs::path& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
  }
  // What read() says now and once the events have settled, as "unit: what".
  std::vector<std::string> read() {
    std::vector<std::string> said = read_once();
    now_ += kQuietOfMany;
    for (auto& line : read_once()) said.push_back(std::move(line));
    return said;
  }
  std::vector<std::string> read_once() {
    std::vector<std::string> said;
    for (const auto& change : source_->read(now_)) {
      switch (change.kind) {
        case ChangeKind::Present:
          said.push_back(change.unit + ": " +
                         (change.content->parsed.is_broken()
                              ? "broken"
                              : change.content->parsed.objects.namespaces.at(0)->name));
          break;
        case ChangeKind::Vanishing:
          said.push_back(change.unit + ": vanishing");
          break;
        case ChangeKind::Gone:
          said.push_back(change.unit + ": gone");
          break;
      }
    }
    return said;
  }

  fs::path base_, folder_;
  std::unique_ptr<DirSource> source_;
  Time now_{1000s};
};

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

}  // namespace
}  // namespace bulkhead::control::source
