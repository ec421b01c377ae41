// SPDX-License-Identifier: Apache-2.0
#include "policy/model/shared_map.h"

#include <gmock/gmock.h>

#include <map>
#include <random>
#include <string>
#include <tuple>

namespace bulkhead::model {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Map = SharedMap<int, std::string>;
using Plain = std::map<int, std::string>;
using Difference = std::tuple<int, std::string, std::string>;

std::vector<Difference> differences(const Map& before, const Map& after) {
  std::vector<Difference> found;
  for_each_difference(before, after, [&](int key, const std::string& old, const std::string& now) {
    found.emplace_back(key, old, now);
  });
  return found;
}

std::vector<Difference> differences(const Plain& before, const Plain& after) {
  std::map<int, std::pair<std::string, std::string>> both;
  for (const auto& [key, value] : before) both[key].first = value;
  for (const auto& [key, value] : after) both[key].second = value;
  std::vector<Difference> found;
  for (const auto& [key, values] : both) {
    if (values.first != values.second) found.emplace_back(key, values.first, values.second);
  }
  return found;
}

// Entries, order both ways, and look-ups.
void expect_same(const Map& map, const Plain& plain) {
  ASSERT_EQ(map.size(), plain.size());
  ASSERT_TRUE(std::equal(
      map.begin(), map.end(), plain.begin(), plain.end(),
      [](const auto& a, const auto& b) { return a.first == b.first && a.second == b.second; }));
  auto place = map.end();
  for (auto expected = plain.rbegin(); expected != plain.rend(); ++expected) {
    --place;
    ASSERT_EQ(place->first, expected->first);
  }
  ASSERT_EQ(place, map.begin());
  for (const auto& [key, value] : plain) ASSERT_EQ(map.at(key), value);
}

// Versions of one history: whatever happens to the newest, the older ones stay as they were.
TEST(SharedMap, IsAMapWhoseCopiesKeepTheirEntries) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  Map map;
  Plain plain;
  std::vector<std::pair<Map, Plain>> versions;
  for (int phase = 0; phase < 6; ++phase) {
    // Growing beyond several nodes, then shrinking to few entries, three times.
    const int rounds = 12'000;
    for (int i = 0; i < rounds; ++i) {
      const int key = static_cast<int>(random() % 20'000);
      const bool removes = random() % 10 < (phase % 2 == 0 ? 1 : 9);
      if (removes && !plain.empty()) {
        const auto victim = plain.lower_bound(key);
        const int gone = victim == plain.end() ? plain.begin()->first : victim->first;
        ASSERT_EQ(map.erase(gone), 1u);
        plain.erase(gone);
        ASSERT_EQ(map.erase(gone), 0u);
      } else if (random() % 2 == 0) {
        const auto [place, is_new] = map.emplace(key, "new");
        ASSERT_EQ(place->first, key);
        ASSERT_EQ(is_new, plain.emplace(key, "new").second);
      } else {
        map.insert_or_assign(key, std::to_string(i));
        plain.insert_or_assign(key, std::to_string(i));
      }
      if (random() % 1'000 == 0) versions.emplace_back(map, plain);
    }
    ASSERT_NO_FATAL_FAILURE(expect_same(map, plain));
  }
  for (std::size_t i = 0; i < versions.size(); ++i) {
    ASSERT_NO_FATAL_FAILURE(expect_same(versions[i].first, versions[i].second));
    for (const std::size_t other : {i + 1, i + 7}) {
      if (other >= versions.size()) continue;
      ASSERT_EQ(differences(versions[i].first, versions[other].first),
                differences(versions[i].second, versions[other].second));
    }
  }
}

TEST(SharedMap, FilledInOrderItIsTheSameAsFilledInAnyOrder) {
  Map forward;
  Map backward;
  for (int i = 0; i < 10'000; ++i) forward.emplace(i, "x");
  for (int i = 10'000; i-- > 0;) backward.emplace(i, "x");
  EXPECT_EQ(forward, backward);
  backward.erase(5'000);
  EXPECT_FALSE(forward == backward);
}

TEST(SharedMap, TellsWhatTwoVersionsDifferIn) {
  Map before;
  for (int i = 0; i < 10'000; ++i) before.emplace(i, "x");
  Map after = before;
  EXPECT_THAT(differences(before, after), IsEmpty());
  after[77] = "y";
  after.erase(5'000);
  after.emplace(10'001, "z");
  EXPECT_THAT(differences(before, after),
              ElementsAre(Difference{77, "x", "y"}, Difference{5'000, "x", ""},
                          Difference{10'001, "", "z"}));
  EXPECT_EQ(before.at(77), "x");
}

TEST(SharedMap, LookingUpWhatIsMissingChangesNothing) {
  Map map;
  EXPECT_EQ(map.find(1), map.end());
  EXPECT_EQ(map.lower_bound(1), map.end());
  EXPECT_THROW(static_cast<void>(map.at(1)), std::out_of_range);
  EXPECT_EQ(map.erase(1), 0u);
  EXPECT_TRUE(map.empty());
}

}  // namespace
}  // namespace bulkhead::model
