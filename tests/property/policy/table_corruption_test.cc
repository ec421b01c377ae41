// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>

#include "policy/compile/compile.h"
#include "policy/table/lookup.h"
#include "tests/property/policy/random_cluster.h"

namespace bulkhead {
namespace {

using testing::Random;

std::vector<table::Section> random_table(Random& random) {
  compile::Numbers numbers;
  return compile::compile(testing::random_cluster(random), {}, Revision{1}, numbers)->sections;
}

// Changes one thing: a bit mostly, a word, or the length.
void damage(table::Section& section, Random& random) {
  auto& bytes = section.bytes.own();
  if (bytes.empty()) return;
  const std::size_t at = random() % bytes.size();
  switch (random() % 16) {
    default:
      bytes[at] ^= static_cast<std::byte>(1u << random() % 8);
      break;
    case 1: {
      const auto word = static_cast<std::uint32_t>(random());
      if (bytes.size() >= sizeof word) {
        std::memcpy(bytes.data() + random() % (bytes.size() - 3), &word, sizeof word);
      }
      break;
    }
    case 2:
      bytes.resize(at);
      break;
    case 3:
      bytes.insert(bytes.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
      break;
  }
}

// Makes every checksum right again, the header's list included, as an attacker would.
void seal(std::vector<table::Section>& sections) {
  table::Section& header = sections[0];
  for (std::size_t i = 1; i < sections.size(); ++i) {
    sections[i].checksum = table::checksum_of(sections[i].bytes.data(), sections[i].bytes.size());
    const std::size_t entry = sizeof(table::Header) + (i - 1) * sizeof(table::DirectoryEntry);
    if (entry + sizeof(table::DirectoryEntry) > header.bytes.size()) continue;
    const table::DirectoryEntry named{.kind = sections[i].kind,
                                      .reserved = 0,
                                      .size = sections[i].bytes.size(),
                                      .checksum = sections[i].checksum};
    std::memcpy(header.bytes.own().data() + entry, &named, sizeof named);
  }
  header.checksum = table::checksum_of(header.bytes.data(), header.bytes.size());
}

// Walks the whole table with look-ups; the sanitizers see what leaves its bounds.
void walk(const table::TableView& view, Random& random) {
  std::vector<table::Query> queries;
  for (std::uint32_t i = 0; i < 400; ++i) {
    queries.push_back({IdentityId{static_cast<std::uint32_t>(random() % 40)},
                       IdentityId{static_cast<std::uint32_t>(random() % 40)},
                       static_cast<std::uint16_t>(random()),
                       static_cast<std::uint8_t>(random() % 4 == 0 ? random() : kTcp)});
  }
  std::vector<table::Decision> decisions(queries.size());
  for (const Direction direction : kDirections) {
    table::lookup(view, direction, queries, decisions);
    for (std::size_t i = 0; i < queries.size(); ++i) {
      const bool is_nobody =
          queries[i].subject == kUnknownIdentity || queries[i].peer == kUnknownIdentity;
      if (is_nobody) {
        ASSERT_EQ(decisions[i].verdict, Verdict::Deny);
      }
      ASSERT_LT(decisions[i].slot.value, view.slot_limit());
    }
  }
  for (int i = 0; i < 100; ++i) {
    ASSERT_NE(view.outside_identity(testing::random_address(random)), kOwnNodeIdentity);
  }
}

TEST(TableView, RefusesEveryDamagedSection) {
  Random random(testing::seed_from_environment() + 2);
  for (int round = 0; round < 400; ++round) {
    auto sections = random_table(random);
    auto& section = sections[random() % sections.size()];
    const auto before = section.bytes;
    damage(section, random);
    if (section.bytes == before) continue;
    EXPECT_FALSE(table::TableView::open(table::borrow(sections)));
  }
}

TEST(TableView, StaysInBoundsWhenTheDamageIsSealed) {
  Random random(testing::seed_from_environment() + 3);
  int opened = 0;
  for (int round = 0; round < 3000; ++round) {
    auto sections = random_table(random);
    for (int i = 0; i < 2; ++i) damage(sections[random() % sections.size()], random);
    seal(sections);
    const auto view = table::TableView::open(table::borrow(sections));
    if (!view) continue;
    ++opened;
    walk(*view, random);
  }
  std::cout << opened << " damaged tables opened\n";
  EXPECT_GT(opened, 100);
}

TEST(TableView, RefusesMixedTables) {
  Random random(testing::seed_from_environment() + 4);
  int mixed = 0;
  for (int round = 0; round < 200; ++round) {
    auto one = random_table(random);
    const auto other = random_table(random);
    const auto& section = other[1 + random() % (other.size() - 1)];
    const auto place = std::ranges::find(one, section.kind, &table::Section::kind);
    if (place == one.end() || place->checksum == section.checksum) continue;
    *place = section;
    ++mixed;
    EXPECT_FALSE(table::TableView::open(table::borrow(one)));
  }
  EXPECT_GT(mixed, 20);
}

TEST(TableView, RefusesMissingSections) {
  Random random(testing::seed_from_environment() + 5);
  auto sections = random_table(random);
  for (std::size_t i = 0; i < sections.size(); ++i) {
    auto fewer = sections;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(table::TableView::open(table::borrow(fewer))) << i;
  }
  EXPECT_TRUE(table::TableView::open(table::borrow(sections)));
}

}  // namespace
}  // namespace bulkhead
