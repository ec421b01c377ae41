// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <random>

#include "policy/table/builder.h"

namespace bulkhead::table {
namespace {

Prefix cidr(std::string_view text) { return Prefix::parse(text)->prefix; }
IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

class Outside {
 public:
  explicit Outside(std::vector<OutsidePrefix> prefixes) {
    TableBuilder builder;
    builder.reserve_identities(100);
    builder.set_outside(std::move(prefixes));
    sections_ = *builder.finish(Revision{1});
  }
  [[nodiscard]] std::uint32_t operator()(const IpAddress& address) const {
    const auto view = TableView::open(borrow(sections_));
    return view->outside_identity(address).value;
  }

 private:
  std::vector<Section> sections_;
};

TEST(OutsideIdentity, TakesTheLongestPrefix) {
  const Outside outside({{cidr("10.0.0.0/8"), IdentityId{0}},
                         {cidr("10.1.0.0/16"), IdentityId{20}},
                         {cidr("10.1.2.3/32"), IdentityId{21}},
                         {cidr("fd00::/8"), IdentityId{22}},
                         {cidr("fd00::1/128"), IdentityId{23}}});
  EXPECT_EQ(outside(ip("10.0.0.1")), 0u);
  EXPECT_EQ(outside(ip("10.1.2.2")), 20u);
  EXPECT_EQ(outside(ip("10.1.2.3")), 21u);
  EXPECT_EQ(outside(ip("11.0.0.0")), kWorldIdentity.value);
  EXPECT_EQ(outside(ip("fd00::1")), 23u);
  EXPECT_EQ(outside(ip("fd00::2")), 22u);
  EXPECT_EQ(outside(ip("2001::")), kWorldIdentity.value);
}

TEST(OutsideIdentity, NeverCrossesFamilies) {
  const Outside six({{cidr("::/0"), IdentityId{30}}});
  EXPECT_EQ(six(ip("0.0.0.0")), kWorldIdentity.value);
  EXPECT_EQ(six(ip("::")), 30u);
  const Outside four({{cidr("0.0.0.0/0"), IdentityId{31}}});
  EXPECT_EQ(four(ip("::ffff:1.2.3.4")), kWorldIdentity.value);
  EXPECT_EQ(four(ip("1.2.3.4")), 31u);
}

TEST(OutsideIdentity, AgreesWithALinearSearch) {
  std::mt19937 random(20261122);
  for (int round = 0; round < 200; ++round) {
    std::map<Prefix, IdentityId> prefixes;
    const auto address = [&] {
      IpAddress made{{}, random() % 2 == 0 ? Family::V4 : Family::V6};
      for (std::size_t i = 0; i < made.size(); ++i) {
        made.bytes[i] = static_cast<std::uint8_t>(random() % 3 == 0 ? 255 : random() % 2);
      }
      return made;
    };
    for (int i = 0; i < 20; ++i) {
      const IpAddress at = address();
      const auto prefix = *Prefix::make(at, static_cast<unsigned>(random() % (at.bits() + 1)));
      prefixes[prefix] = IdentityId{static_cast<std::uint32_t>(20 + i)};
    }
    std::vector<OutsidePrefix> list;
    for (const auto& [prefix, identity] : prefixes) list.push_back({prefix, identity});
    const Outside outside(list);
    for (int i = 0; i < 50; ++i) {
      const IpAddress asked =
          i % 2 == 0 ? address() : list[random() % list.size()].prefix.address();
      IdentityId expected = kWorldIdentity;
      unsigned longest = 0;
      for (const auto& [prefix, identity] : prefixes) {
        if (!prefix.contains(asked) || prefix.length() < longest) continue;
        longest = prefix.length();
        expected = identity;
      }
      ASSERT_EQ(outside(asked), expected.value) << asked.text();
    }
  }
}

TEST(TableBuilder, RefusesWhatExceedsALimit) {
  TableBuilder builder;
  const auto counted = builder.decision({.slot = kMaxSlots});
  (void)builder.add_row(Direction::Egress, builder.rule_set({{kLineEnd, counted}}), {});
  const auto table = builder.finish(Revision{1});
  ASSERT_FALSE(table);
  EXPECT_THAT(table.error().text(), ::testing::HasSubstr("262144"));
}

TEST(TableBuilder, CutsLargeArraysIntoParts) {
  TableBuilder builder;
  builder.set_peer(IdentityId{100000}, Direction::Ingress, 1);
  const auto sections = *builder.finish(Revision{1});
  EXPECT_GT(sections.size(), 10u);
  EXPECT_LE(sections.size(), kMaxSections);
  EXPECT_TRUE(TableView::open(borrow(sections)));
}

TEST(TableView, RefusesAnotherMajorVersion) {
  auto sections = *TableBuilder().finish(Revision{1});
  auto& header = sections[0];
  const std::uint16_t other = kMajor + 1;
  std::memcpy(header.bytes.own().data() + offsetof(Header, major), &other, sizeof other);
  header.checksum = checksum_of(header.bytes.data(), header.bytes.size());
  const auto view = TableView::open(borrow(sections));
  ASSERT_FALSE(view);
  EXPECT_THAT(view.error().text(), ::testing::HasSubstr("format 2.0"));
}

TEST(TableView, RefusesMisalignedBytes) {
  auto sections = *TableBuilder().finish(Revision{1});
  auto borrowed = borrow(sections);
  std::vector<std::byte> shifted(borrowed[1].bytes.size() + 1);
  std::ranges::copy(borrowed[1].bytes, shifted.begin() + 1);
  borrowed[1].bytes = std::span(shifted).subspan(1);
  EXPECT_FALSE(TableView::open(borrowed));
}

}  // namespace
}  // namespace bulkhead::table
