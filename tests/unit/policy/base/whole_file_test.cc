// SPDX-License-Identifier: Apache-2.0
#include "policy/base/whole_file.h"

#include <gmock/gmock.h>

#include <unistd.h>

#include <fstream>
#include <iterator>

#include "tests/support/temporary_folder.h"

namespace bulkhead {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class WholeFile : public testing::TestWithParam<Durability> {
 protected:
  static std::string text_of(const fs::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::vector<std::string> names() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      names.push_back(entry.path().filename());
    }
    return names;
  }
  fs::path at(const std::string& name) { return folder_.path() / name; }

  TemporaryFolder folder_;
};

INSTANTIATE_TEST_SUITE_P(Both, WholeFile, testing::Values(Durability::Process, Durability::Machine),
                         [](const auto& info) {
                           return info.param == Durability::Process ? "Process" : "Machine";
                         });

TEST_P(WholeFile, ReplacesAndLeavesNothingBeside) {
  ASSERT_TRUE(write_whole(at("a"), "a longer old text", GetParam()));
  ASSERT_TRUE(write_whole(at("a"), "new", GetParam()));
  EXPECT_EQ(text_of(at("a")), "new");
  EXPECT_THAT(names(), UnorderedElementsAre("a"));
  EXPECT_EQ(fs::status(at("a")).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_P(WholeFile, FollowsNoLink) {
  std::ofstream(at("victim")) << "precious";
  fs::create_symlink(at("victim"), at("a"));
  // Somebody guessed the name under which it is made.
  fs::create_symlink(at("victim"), fmt::format("{}.{}~", at("a").native(), ::getpid()));
  ASSERT_TRUE(write_whole(at("a"), "new", GetParam()));
  EXPECT_EQ(text_of(at("victim")), "precious");
  EXPECT_FALSE(fs::is_symlink(at("a")));
  EXPECT_THAT(names(), UnorderedElementsAre("a", "victim"));
}

TEST_P(WholeFile, OneThatFailsIsNamedAndTheOthersAreWritten) {
  fs::create_directories(at("taken") / "inside");
  const std::vector<WholeText> texts = {
      {at("a"), "1"}, {at("taken"), "2"}, {at("gone") / "b", "3"}, {at("c"), "4"}};
  const Status written = write_whole(texts, GetParam());
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().text(), HasSubstr("gone/b: cannot be written: No such file"));
  EXPECT_THAT(names(), UnorderedElementsAre("a", "taken", "c"));
  EXPECT_EQ(text_of(at("a")), "1");
  EXPECT_EQ(text_of(at("c")), "4");
}

}  // namespace
}  // namespace bulkhead
