// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/regions.h"

#include <gmock/gmock.h>

#include "tests/unit/policy/compile/cluster_builder.h"

namespace bulkhead::compile {
namespace {

using namespace bulkhead::testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<Prefix> cidrs(std::initializer_list<std::string_view> texts) {
  std::vector<Prefix> prefixes;
  for (const auto text : texts) prefixes.push_back(cidr(text));
  return prefixes;
}

// The prefixes of the regions that a peer covers.
std::vector<std::string> covered(const Regions& regions, const model::CidrPeer& peer) {
  std::vector<std::string> texts;
  for (const auto region : regions.covered_by(peer)) texts.push_back(regions.prefix(region).text());
  return texts;
}

std::string region_of(const Regions& regions, std::string_view address) {
  const auto region = regions.region_of(ip(address));
  return region == kNoRegion ? "none" : regions.prefix(region).text();
}

TEST(Regions, NamesTheLongestPrefixAroundAnAddress) {
  const Regions regions(cidrs({"10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32"}));
  EXPECT_EQ(region_of(regions, "10.2.0.1"), "10.0.0.0/8");
  EXPECT_EQ(region_of(regions, "10.1.3.0"), "10.1.0.0/16");
  EXPECT_EQ(region_of(regions, "10.1.2.4"), "10.1.2.0/24");
  EXPECT_EQ(region_of(regions, "10.1.2.3"), "10.1.2.3/32");
  EXPECT_EQ(region_of(regions, "9.255.255.255"), "none");
  EXPECT_EQ(region_of(regions, "11.0.0.0"), "none");
}

TEST(Regions, ComesBackToTheOuterPrefixBehindAnInnerOne) {
  const Regions regions(cidrs({"10.0.0.0/8", "10.0.0.0/16", "10.0.0.0/24"}));
  EXPECT_EQ(region_of(regions, "10.0.0.255"), "10.0.0.0/24");
  EXPECT_EQ(region_of(regions, "10.0.1.0"), "10.0.0.0/16");
  EXPECT_EQ(region_of(regions, "10.255.255.255"), "10.0.0.0/8");
}

TEST(Regions, KeepsTheFamiliesApart) {
  const Regions regions(cidrs({"0.0.0.0/0", "::/0"}));
  EXPECT_EQ(region_of(regions, "0.0.0.0"), "0.0.0.0/0");
  EXPECT_EQ(region_of(regions, "::"), "::/0");
  EXPECT_THAT(covered(regions, {cidr("::/0"), {}}), ElementsAre("::/0"));
  EXPECT_THAT(covered(regions, {cidr("0.0.0.0/0"), {}}), ElementsAre("0.0.0.0/0"));
  const Regions only_six(cidrs({"::/0"}));
  EXPECT_EQ(region_of(only_six, "10.0.0.1"), "none");
}

TEST(Regions, CountsARepeatedPrefixOnce) {
  const Regions regions(cidrs({"fd00::/8", "fd00::/8"}));
  EXPECT_THAT(covered(regions, {cidr("fd00::/8"), {}}), ElementsAre("fd00::/8"));
}

TEST(Regions, GivesARemovedPrefixBackToTheOneAround) {
  for (const auto& [outer, inner, address] : {std::tuple{"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3"},
                                              std::tuple{"fd00::/8", "fd00:1::/32", "fd00:1::1"}}) {
    Regions regions(cidrs({outer, inner}));
    const auto number = regions.find(cidr(inner));
    regions.remove(cidr(inner));
    EXPECT_EQ(region_of(regions, address), outer);
    regions.add(cidr("192.0.2.0/24"));
    EXPECT_NE(regions.find(cidr("192.0.2.0/24")), number) << "its number is still in use";
    regions.recycle();
    regions.add(cidr("2001:db8::/32"));
    EXPECT_EQ(regions.find(cidr("2001:db8::/32")), number);
    EXPECT_EQ(region_of(regions, address), outer);
  }
}

TEST(Regions, CoversEverythingInsideAPeerAndNothingBeside) {
  const Regions regions(cidrs({"10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8", "fd00::/8"}));
  EXPECT_THAT(covered(regions, {cidr("10.0.0.0/8"), {}}), ElementsAre("10.0.0.0/8", "10.1.0.0/16"));
  EXPECT_THAT(covered(regions, {cidr("10.1.0.0/16"), {}}), ElementsAre("10.1.0.0/16"));
}

TEST(Regions, LeavesOutWhatIsExcepted) {
  const Regions regions(cidrs({"10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.2.0.0/16"}));
  EXPECT_THAT(covered(regions, {cidr("10.0.0.0/8"), cidrs({"10.1.0.0/16"})}),
              ElementsAre("10.0.0.0/8", "10.2.0.0/16"));
  EXPECT_THAT(covered(regions, {cidr("10.0.0.0/8"), cidrs({"10.2.0.0/16", "10.1.2.0/24"})}),
              ElementsAre("10.0.0.0/8", "10.1.0.0/16"));
}

TEST(Regions, LeavesOutNestedAndRepeatedExceptsOnce) {
  const Regions regions(cidrs({"10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.2.0.0/16"}));
  EXPECT_THAT(
      covered(regions, {cidr("10.0.0.0/8"), cidrs({"10.1.2.0/24", "10.1.0.0/16", "10.1.0.0/16"})}),
      ElementsAre("10.0.0.0/8", "10.2.0.0/16"));
  EXPECT_THAT(covered(regions, {cidr("10.1.0.0/16"), cidrs({"10.0.0.0/8"})}), IsEmpty());
}

}  // namespace
}  // namespace bulkhead::compile
