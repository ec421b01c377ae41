// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <string>

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

// Opened behind another view and from nothing. What it says of them in both cases, or "opened".
std::string opened_alike(const table::TableView& before,
                         const std::vector<table::Section>& sections, Random& random) {
  const auto fresh = table::TableView::open(table::borrow(sections));
  const auto next = table::TableView::open(table::borrow(sections), &before);
  EXPECT_EQ(next.has_value(), fresh.has_value());
  if (!fresh || !next) {
    EXPECT_EQ(next ? "opened" : next.error().text(), fresh ? "opened" : fresh.error().text());
    return fresh ? "opened" : fresh.error().text();
  }
  walk(*next, random);
  // The one after it knows as much.
  EXPECT_TRUE(table::TableView::open(table::borrow(sections), &*next));
  return "opened";
}

TEST(TableView, OpensWhatSharesBytesWithAnotherAsFromNothing) {
  Random random(testing::seed_from_environment() + 6);
  std::map<std::string, int> results;
  for (int round = 0; round < 3000; ++round) {
    const auto last = random_table(random);
    const auto before = table::TableView::open(table::borrow(last));
    ASSERT_TRUE(before);
    auto sections = last;
    for (int i = 0; i < 2; ++i) damage(sections[random() % sections.size()], random);
    if (random() % 8 != 0) seal(sections);
    ++results[opened_alike(*before, sections, random)];
  }
  EXPECT_GT(results["opened"], 100);
  EXPECT_GT(results.size(), 20u);
}

TEST(TableView, RefusesKnownSectionsThatNameWhatIsGone) {
  Random random(testing::seed_from_environment() + 7);
  std::set<std::string> refused;
  for (int round = 0; round < 300; ++round) {
    const auto last = random_table(random);
    const auto before = table::TableView::open(table::borrow(last));
    ASSERT_TRUE(before);
    for (std::size_t i = 1; i < last.size(); ++i) {
      auto sections = last;
      const auto kind = static_cast<table::SectionKind>(sections[i].kind & 0xffu);
      // One record less of this kind, and nothing else is another one.
      table::Header header;
      std::memcpy(&header, sections[0].bytes.data(), sizeof header);
      if (--header.record_count[table::array_index(kind)] == 0) continue;
      std::memcpy(sections[0].bytes.own().data(), &header, sizeof header);
      auto& bytes = sections[i].bytes.own();
      bytes.resize(bytes.size() - table::record_bytes(kind));
      seal(sections);
      const std::string said = opened_alike(*before, sections, random);
      if (said.find(" names ") != std::string::npos) refused.insert(name_of(kind));
    }
  }
  EXPECT_THAT(refused, ::testing::IsSupersetOf({"rule sets", "decisions", "blocks"}));
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
