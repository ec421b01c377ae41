// SPDX-License-Identifier: Apache-2.0
#include "control/endpoint/lost.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/temporary_folder.h"

namespace bulkhead::control::endpoint {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;
using testing::SizeIs;

class LostAttachmentsTest : public testing::Test {
 protected:
  LostAttachments open() {
    auto opened = LostAttachments::open(folder_.path() / "lost", skipped_);
    EXPECT_TRUE(opened) << opened.error().text();
    return std::move(*opened);
  }

  TemporaryFolder folder_;
  std::vector<Error> skipped_;
};

TEST_F(LostAttachmentsTest, OutlivesARestartUntilItIsRemoved) {
  EXPECT_TRUE(open().add({"c1", "eth0", "net"}));
  auto lost = open();
  ASSERT_THAT(lost.all(), SizeIs(1));
  EXPECT_EQ(lost.all().front().container_id, "c1");
  EXPECT_EQ(lost.all().front().network, "net");
  EXPECT_TRUE(lost.remove({"c1", "eth0"}));
  EXPECT_THAT(open().all(), IsEmpty());
}

TEST_F(LostAttachmentsTest, RemovesOnlyWhatIsNamed) {
  auto lost = open();
  EXPECT_TRUE(lost.add({"c1", "eth0", "net"}));
  EXPECT_TRUE(lost.add({"c1", "eth1", "net"}));
  EXPECT_TRUE(lost.remove({"c1", "eth0"}));
  EXPECT_TRUE(lost.remove({"c2", "eth0"}));
  EXPECT_THAT(lost.all(), ElementsAre(Field(&api::LostAttachment::ifname, "eth1")));
}

TEST_F(LostAttachmentsTest, WithoutANetworkThereIsNothingToKeep) {
  EXPECT_TRUE(open().add({"c1", "eth0", ""}));
  EXPECT_THAT(open().all(), IsEmpty());
}

TEST_F(LostAttachmentsTest, ANameThatIsNoFileNameIsRefused) {
  EXPECT_FALSE(open().add({"../c1", "eth0", "net"}));
  EXPECT_THAT(open().all(), IsEmpty());
}

TEST_F(LostAttachmentsTest, AnUnreadableFileIsNamedAndStays) {
  EXPECT_TRUE(open().add({"c1", "eth0", "net"}));
  const auto bad = folder_.path() / "lost" / "c2@eth0.json";
  std::ofstream(bad) << "{";
  EXPECT_THAT(open().all(), SizeIs(1));
  ASSERT_THAT(skipped_, SizeIs(1));
  EXPECT_EQ(skipped_.front().where, bad.string());
  EXPECT_TRUE(std::filesystem::exists(bad));
}

}  // namespace
}  // namespace bulkhead::control::endpoint
