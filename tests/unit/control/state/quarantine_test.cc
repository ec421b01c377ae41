// SPDX-License-Identifier: Apache-2.0
#include "control/state/quarantine.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/temporary_folder.h"

namespace bulkhead::control::state {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;
using testing::SizeIs;

class QuarantineStoreTest : public testing::Test {
 protected:
  QuarantineStore open() {
    auto store = QuarantineStore::open(file_);
    EXPECT_TRUE(store) << store.error().text();
    return std::move(*store);
  }
  static QuarantineRecord record(const std::string& pod, const std::string& until = "") {
    QuarantineRecord record;
    record.pod = {"lab", pod};
    record.uid = "u-" + pod;
    record.quarantine.who = "uid 0";
    record.quarantine.why = "it \"talks\"\n";
    record.quarantine.until = until;
    record.quarantine.forensic_peer = Prefix::parse("fd88::/64")->prefix;
    if (!until.empty()) record.until = *parse_time(until);
    return record;
  }

  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "quarantines.json";
};

TEST_F(QuarantineStoreTest, OutlivesARestartWithAllItSays) {
  ASSERT_TRUE(open().put(record("web", "2026-11-22T13:00:00Z")));
  const auto store = open();
  ASSERT_THAT(store.records(), SizeIs(1));
  const auto& read = store.records().at({"lab", "web"});
  EXPECT_EQ(read.uid, "u-web");
  EXPECT_EQ(read.quarantine.why, "it \"talks\"\n");
  EXPECT_EQ(read.quarantine.forensic_peer, Prefix::parse("fd88::/64")->prefix);
  EXPECT_EQ(read.until, *parse_time("2026-11-22T13:00:00Z"));
}

TEST_F(QuarantineStoreTest, ExpiresOnlyWhatHasRunOut) {
  auto store = open();
  ASSERT_TRUE(store.put(record("short", "2026-11-22T13:00:00Z")));
  ASSERT_TRUE(store.put(record("long", "2026-11-22T14:00:00Z")));
  ASSERT_TRUE(store.put(record("endless")));
  const WallTime end = *parse_time("2026-11-22T13:00:00Z");
  EXPECT_EQ(store.next_expiry(), end);
  EXPECT_FALSE(*store.expire(end - 1s));
  EXPECT_THAT(store.records(), SizeIs(3));
  EXPECT_TRUE(*store.expire(end));
  EXPECT_THAT(open().records(), SizeIs(2));
  EXPECT_FALSE(open().records().contains({"lab", "short"}));
}

TEST_F(QuarantineStoreTest, RemovesWhatIsThereAndSaysWhenNothingWas) {
  auto store = open();
  ASSERT_TRUE(store.put(record("web")));
  EXPECT_FALSE(*store.remove({"lab", "db"}));
  EXPECT_TRUE(*store.remove({"lab", "web"}));
  EXPECT_THAT(open().records(), IsEmpty());
}

TEST_F(QuarantineStoreTest, AFileThatCannotBeReadIsNoEmptyOne) {
  ASSERT_TRUE(open().put(record("web")));
  std::ofstream(file_, std::ios::trunc) << "{\"quarantines\": [";
  EXPECT_FALSE(QuarantineStore::open(file_));
  std::filesystem::remove(file_);
  std::filesystem::create_symlink(file_, file_);
  EXPECT_FALSE(QuarantineStore::open(file_));
}

TEST_F(QuarantineStoreTest, BindsToTheUidWhenBothAreKnown) {
  EXPECT_TRUE(record("web").applies_to("u-web"));
  EXPECT_TRUE(record("web").applies_to(""));
  EXPECT_FALSE(record("web").applies_to("u-other"));
}

}  // namespace
}  // namespace bulkhead::control::state
