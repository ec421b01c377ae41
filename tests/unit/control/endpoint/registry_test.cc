// SPDX-License-Identifier: Apache-2.0
#include "control/endpoint/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "control/api/json.h"
#include "tests/support/temporary_folder.h"

namespace bulkhead::control::endpoint {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

api::AttachmentRequest pod(const std::string& container, std::vector<std::string> addresses) {
  api::AttachmentRequest request;
  request.container_id = container;
  request.ifname = "eth0";
  request.netns = "/run/netns/" + container;
  request.pod_namespace = "db";
  request.pod_name = container;
  for (auto& address : addresses) request.ips.push_back({std::move(address), ""});
  return request;
}

Registry open(const std::filesystem::path& folder) {
  auto opened = Registry::open(folder);
  EXPECT_TRUE(opened) << opened.error().text();
  EXPECT_THAT(opened->skipped, IsEmpty());
  return std::move(opened->registry);
}

EndpointRecord attach(Registry& registry, const api::AttachmentRequest& request) {
  auto record = registry.reserve(request);
  EXPECT_TRUE(record) << record.error().text();
  EXPECT_TRUE(registry.store(*record));
  return *record;
}

void write(const std::filesystem::path& file, std::string_view text) {
  std::ofstream(file) << text;
}

TEST(Registry, ARecordSurvivesARestart) {
  const TemporaryFolder folder;
  EndpointRecord stored;
  {
    Registry registry = open(folder.path());
    auto request = pod("a", {"10.88.0.5/24", "fd00:88::5/64"});
    request.labels = {{"app", "web"}};
    request.pod_uid = "u-1";
    auto record = registry.reserve(request);
    ASSERT_TRUE(record) << record.error().text();
    record->netns_inode = 4026532001;
    ASSERT_TRUE(registry.store(*record));
    stored = *record;
  }
  const Registry registry = open(folder.path());
  const EndpointRecord* found = registry.find(EndpointKey{"a", "eth0"});
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->port, stored.port);
  EXPECT_EQ(found->generation, stored.generation);
  EXPECT_EQ(found->id, stored.id);
  EXPECT_EQ(found->mac, stored.mac);
  EXPECT_EQ(found->netns_inode, 4026532001u);
  EXPECT_EQ(found->attachment.labels.at("app"), "web");
  EXPECT_EQ(found->attachment.pod_uid, "u-1");
  EXPECT_THAT(found->ips(),
              ElementsAre(*IpAddress::parse("10.88.0.5"), *IpAddress::parse("fd00:88::5")));
  EXPECT_EQ(registry.find(*IpAddress::parse("fd00:88::5")), found);
  EXPECT_EQ(registry.find(stored.port), found);
}

TEST(Registry, AReservationThatIsNotStoredIsForgotten) {
  const TemporaryFolder folder;
  {
    Registry registry = open(folder.path());
    ASSERT_TRUE(registry.reserve(pod("a", {"10.88.0.5/24"})));
    EXPECT_THAT(registry.records(), IsEmpty());
  }
  const Registry registry = open(folder.path());
  EXPECT_EQ(registry.find(EndpointKey{"a", "eth0"}), nullptr);
}

TEST(Registry, GivesTheLowestFreePortAndNeverAGenerationTwice) {
  const TemporaryFolder folder;
  Registry registry = open(folder.path());
  const auto a = attach(registry, pod("a", {"10.88.0.5/24"}));
  const auto b = attach(registry, pod("b", {"10.88.0.6/24"}));
  EXPECT_EQ(a.port, kFirstPodPort);
  EXPECT_EQ(b.port, PortId{kFirstPodPort.value + 1});
  ASSERT_TRUE(registry.remove(a.key()));
  const auto c = attach(registry, pod("c", {"10.88.0.7/24"}));
  EXPECT_EQ(c.port, a.port);
  EXPECT_GT(c.generation, b.generation);
}

TEST(Registry, GenerationsRiseOverARestartThatFollowsARemoval) {
  const TemporaryFolder folder;
  std::uint32_t last = 0;
  {
    Registry registry = open(folder.path());
    const auto a = attach(registry, pod("a", {"10.88.0.5/24"}));
    last = a.generation;
    ASSERT_TRUE(registry.remove(a.key()));
  }
  Registry registry = open(folder.path());
  EXPECT_GT(attach(registry, pod("a", {"10.88.0.5/24"})).generation, last);
}

TEST(Registry, RefusesAnAddressThatAnotherEndpointOwnsAndNamesIt) {
  const TemporaryFolder folder;
  Registry registry = open(folder.path());
  attach(registry, pod("a", {"10.88.0.5/24", "fd00:88::5/64"}));
  const auto v4 = registry.reserve(pod("b", {"10.88.0.5/16"}));
  ASSERT_FALSE(v4);
  EXPECT_THAT(v4.error().text(), HasSubstr("10.88.0.5 belongs to a/eth0"));
  EXPECT_FALSE(registry.reserve(pod("b", {"fd00:88::5/64"})));
  EXPECT_TRUE(registry.reserve(pod("b", {"10.88.0.6/24", "fd00:88::6/64"})));
}

TEST(Registry, AbandonGivesPortAndAddressBackButKeepsWhatIsStored) {
  const TemporaryFolder folder;
  Registry registry = open(folder.path());
  const auto a = registry.reserve(pod("a", {"10.88.0.5/24"}));
  ASSERT_TRUE(a);
  registry.abandon(a->key());
  const auto b = attach(registry, pod("b", {"10.88.0.5/24"}));
  EXPECT_EQ(b.port, a->port);
  registry.abandon(b.key());
  EXPECT_NE(registry.find(b.key()), nullptr);
}

TEST(Registry, RefusesNamesThatAreNotFileNames) {
  const TemporaryFolder folder;
  Registry registry = open(folder.path());
  for (const char* bad : {"", "../a", "a/b", ".a", "a@b", "a b"}) {
    EXPECT_FALSE(registry.reserve(pod(bad, {"10.88.0.5/24"}))) << bad;
  }
  for (const char* bad : {"", "..", "a/b", "sixteencharacter", "a b"}) {
    auto request = pod("a", {"10.88.0.5/24"});
    request.ifname = bad;
    EXPECT_FALSE(registry.reserve(request)) << bad;
  }
  EXPECT_TRUE(registry.reserve(pod("a_b.c-1", {"10.88.0.5/24"})));
}

TEST(Registry, RefusesAnEndpointWithoutOrWithTooManyAddresses) {
  const TemporaryFolder folder;
  Registry registry = open(folder.path());
  EXPECT_FALSE(registry.reserve(pod("a", {})));
  std::vector<std::string> nine;
  for (int i = 1; i <= 9; ++i) nine.push_back(fmt::format("10.88.0.{}/24", i));
  EXPECT_FALSE(registry.reserve(pod("a", nine)));
  EXPECT_FALSE(registry.reserve(pod("a", {"10.88.0.300/24"})));
  nine.pop_back();
  EXPECT_TRUE(registry.reserve(pod("a", nine)));
}

TEST(Registry, SkipsBrokenFilesAndSaysWhich) {
  const TemporaryFolder folder;
  {
    Registry registry = open(folder.path());
    attach(registry, pod("a", {"10.88.0.5/24"}));
    attach(registry, pod("b", {"10.88.0.6/24"}));
  }
  const auto a = folder.path() / "a@eth0.json";
  std::filesystem::resize_file(a, std::filesystem::file_size(a) / 2);
  write(folder.path() / "x@eth0.json", std::string("\0\xff{", 3));
  write(folder.path() / "y@eth0.json", R"({"version":2})");
  // A second claim on b's port, under another name.
  std::filesystem::copy_file(folder.path() / "b@eth0.json", folder.path() / "c@eth0.json");
  std::filesystem::create_directory(folder.path() / "d@eth0.json");

  auto opened = Registry::open(folder.path());
  ASSERT_TRUE(opened);
  std::vector<std::string> skipped;
  for (const auto& error : opened->skipped) {
    skipped.push_back(std::filesystem::path(error.where).filename());
  }
  EXPECT_THAT(skipped, ElementsAre("a@eth0.json", "c@eth0.json", "d@eth0.json", "x@eth0.json",
                                   "y@eth0.json"));
  EXPECT_EQ(opened->registry.records().size(), 1u);
  EXPECT_TRUE(std::filesystem::exists(a));
  EXPECT_TRUE(opened->registry.remove({"a", "eth0"}));
  EXPECT_FALSE(std::filesystem::exists(a)) << "its pod has ended";
}

TEST(Registry, AGarbledGenerationFileIsReportedAndNoGenerationRepeats) {
  const TemporaryFolder folder;
  std::uint32_t last = 0;
  {
    Registry registry = open(folder.path());
    last = attach(registry, pod("a", {"10.88.0.5/24"})).generation;
  }
  write(folder.path() / "generation", "seven");
  auto opened = Registry::open(folder.path());
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->skipped.size(), 1u);
  EXPECT_GT(*opened->registry.next_generation(), last);
}

TEST(Registry, RemovingTheUnknownSucceeds) {
  const TemporaryFolder folder;
  Registry registry = open(folder.path());
  EXPECT_TRUE(registry.remove({"nobody", "eth0"}));
  EXPECT_TRUE(registry.remove({"../nobody", "eth0"}));
}

TEST(Registry, MacsAreLocalUnicastAndDiffer) {
  const TemporaryFolder folder;
  Registry registry = open(folder.path());
  const auto a = attach(registry, pod("a", {"10.88.0.5/24"}));
  const auto b = attach(registry, pod("b", {"10.88.0.6/24"}));
  EXPECT_EQ(a.mac[0] & 3, 2);
  EXPECT_NE(a.mac, b.mac);
  EXPECT_EQ(parse_mac(text_of(a.mac)), a.mac);
}

TEST(Registry, MacTextIsStrict) {
  EXPECT_EQ(text_of(kGatewayMac), "02:62:68:00:00:01");
  for (const char* bad : {"", "02:62:68:00:00", "02-62-68-00-00-01", "02:62:68:00:00:0g",
                          "02:62:68:00:00:01:", "2:62:68:00:00:001"}) {
    EXPECT_FALSE(parse_mac(bad)) << bad;
  }
}

TEST(Tombstones, AreReadInOrderAndRemoved) {
  const TemporaryFolder folder;
  write(folder.path() / "b@eth0.json", api::json_of(api::DetachmentRequest{"b", "eth0", ""}));
  write(folder.path() / "a@eth0.json",
        api::json_of(api::DetachmentRequest{"a", "eth0", "/run/netns/a"}));
  write(folder.path() / "a@eth0.json.tmp", "half");
  write(folder.path() / "evil.json", api::json_of(api::DetachmentRequest{"../../etc", "eth0", ""}));
  const auto found = read_tombstones(folder.path());
  ASSERT_EQ(found.tombstones.size(), 2u);
  EXPECT_EQ(found.tombstones[0].key, (EndpointKey{"a", "eth0"}));
  EXPECT_EQ(found.tombstones[0].netns, "/run/netns/a");
  EXPECT_EQ(found.tombstones[1].key, (EndpointKey{"b", "eth0"}));
  EXPECT_EQ(found.skipped.size(), 1u);
  EXPECT_TRUE(remove_tombstone(found.tombstones[0]));
  EXPECT_TRUE(remove_tombstone(found.tombstones[0]));
  EXPECT_EQ(read_tombstones(folder.path()).tombstones.size(), 1u);
}

TEST(Tombstones, AMissingFolderHoldsNone) {
  const TemporaryFolder folder;
  const auto found = read_tombstones(folder.path() / "absent");
  EXPECT_THAT(found.tombstones, IsEmpty());
  EXPECT_THAT(found.skipped, IsEmpty());
}

}  // namespace
}  // namespace bulkhead::control::endpoint
