// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/verify.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>

#include "tests/unit/policy/compile/cluster_builder.h"

namespace bulkhead::verify {
namespace {

using namespace bulkhead::testing;
using ::testing::HasSubstr;

// db takes TCP/3306 and its named port from web; the office may reach all but one subnet.
model::Cluster database() {
  ClusterBuilder builder;
  builder.cluster.settings.pod_cidrs = {cidr("10.0.0.0/8"), cidr("fd00::/64")};
  builder.pod("db", "db", "10.0.0.1", {{"app", "db"}}).ports = {{"metrics", kTcp, 9100}};
  builder.pod("db", "db2", "10.0.0.3", {{"app", "db"}}).ports = {{"metrics", kTcp, 9100}};
  builder.pod("db", "web", "10.0.0.2", {{"app", "web"}}).ips.push_back(ip("fd00::2"));
  builder.pod("other", "web", "10.0.1.1", {{"app", "web"}});
  auto& policy = builder.policy("db", "p", "db");
  allow(policy, Direction::Ingress, {pods(app("web"))}, {tcp(3306), named("metrics")});
  allow(policy, Direction::Ingress, {model::CidrPeer{cidr("192.0.0.0/16"), {cidr("192.0.9.0/24")}}},
        {tcp(3306)});
  return builder.cluster;
}

struct Made {
  model::Cluster cluster = database();
  compile::Numbers numbers;
  compile::CompiledTable table = *compile::compile(cluster, {}, Revision{1}, numbers);

  [[nodiscard]] Result<Report> check(const Budget& budget = {}) const {
    return verify(cluster, {}, table, budget);
  }
  // Changes bytes of a section, with every checksum right again.
  template <class Record>
  void edit(table::SectionKind kind, const std::function<void(Record*, std::size_t)>& change) {
    auto& section =
        *std::ranges::find(table.sections, table::section_id(kind, 0), &table::Section::kind);
    change(reinterpret_cast<Record*>(section.bytes.own().data()),
           section.bytes.size() / sizeof(Record));
    section.checksum = table::checksum_of(section.bytes.data(), section.bytes.size());
    auto& header = table.sections[0];
    const auto place = std::ranges::find(table.sections, section.kind, &table::Section::kind) -
                       table.sections.begin() - 1;
    auto* entry = header.bytes.own().data() + sizeof(table::Header) +
                  static_cast<std::size_t>(place) * sizeof(table::DirectoryEntry);
    std::memcpy(entry + offsetof(table::DirectoryEntry, checksum), &section.checksum,
                sizeof section.checksum);
    header.checksum = table::checksum_of(header.bytes.data(), header.bytes.size());
  }
};

TEST(Verify, AcceptsWhatTheCompilerMade) {
  const Made made;
  const auto report = made.check();
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_TRUE(report->is_complete());
  EXPECT_EQ(report->ratio(), 1.0);
  EXPECT_GT(report->questions, 150u);
  EXPECT_LE(report->compared, report->checked);
}

TEST(Verify, SaysHowFarItCameWhenTimeRunsOut) {
  const Made made;
  int left = 10;
  const auto report = made.check({.has_time = [&] { return --left > 0; }, .seed = 3});
  ASSERT_TRUE(report);
  EXPECT_GE(report->checked, 10u);
  EXPECT_FALSE(report->is_complete());
  EXPECT_LT(report->ratio(), 1.0);
  EXPECT_GT(report->ratio(), 0.0);
}

TEST(Verify, CatchesAFlippedVerdictAndSaysBothAnswers) {
  Made made;
  made.edit<table::DecisionRecord>(table::SectionKind::Decisions,
                                   [](table::DecisionRecord* records, std::size_t count) {
                                     for (std::size_t i = 1; i < count; ++i) {
                                       records[i].verdict ^= 1;
                                     }
                                   });
  const auto report = made.check();
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().text(), HasSubstr("the oracle says"));
  EXPECT_THAT(report.error().text(), HasSubstr("the table says"));
}

TEST(Verify, CatchesEverySingleFlippedDecision) {
  const Made made;
  for (std::size_t broken = 1;; ++broken) {
    Made other;
    bool is_there = false;
    other.edit<table::DecisionRecord>(table::SectionKind::Decisions,
                                      [&](table::DecisionRecord* records, std::size_t count) {
                                        is_there = broken < count;
                                        if (is_there) records[broken].verdict ^= 1;
                                      });
    if (!is_there) break;
    EXPECT_FALSE(other.check()) << "decision " << broken;
  }
}

TEST(Verify, CatchesAMovedPortCut) {
  for (const std::int32_t by : {-1, 1}) {
    Made made;
    made.edit<table::RuleSet>(
        table::SectionKind::RuleSets, [&](table::RuleSet* sets, std::size_t count) {
          for (std::size_t i = 0; i < count; ++i) {
            for (auto& last : sets[i].last) {
              if (last != 3306) continue;
              last = static_cast<std::uint32_t>(static_cast<std::int32_t>(last) + by);
              return;
            }
          }
          FAIL() << "no cut at 3306";
        });
    EXPECT_FALSE(made.check()) << by;
  }
}

TEST(Verify, CatchesSwappedRows) {
  Made made;
  made.edit<table::IdentityRecord>(table::SectionKind::Identities,
                                   [](table::IdentityRecord* records, std::size_t count) {
                                     for (std::size_t i = 16; i < count; ++i) {
                                       auto& row = records[i].subject_class[1];
                                       if (row != 0) row = row == 1 ? 2 : 1;
                                     }
                                   });
  EXPECT_FALSE(made.check());
}

TEST(Verify, CatchesAMergedPeer) {
  Made made;
  const auto web = std::next(made.table.addresses.begin())->second.identity;
  const auto other = std::next(made.table.addresses.begin(), 3)->second.identity;
  ASSERT_NE(web, other);
  made.edit<table::IdentityRecord>(
      table::SectionKind::Identities, [&](table::IdentityRecord* records, std::size_t) {
        records[other.value].peer_class = records[web.value].peer_class;
      });
  EXPECT_FALSE(made.check());
}

TEST(Verify, CatchesALostExcept) {
  Made made;
  made.edit<std::uint32_t>(table::SectionKind::TrieLeaves4,
                           [&](std::uint32_t* leaves, std::size_t count) {
                             const auto inside = made.numbers.identity("outside|in 192.0.0.0/16");
                             const auto hole = made.numbers.identity("outside|in 192.0.9.0/24");
                             std::replace(leaves, leaves + count, hole.value, inside.value);
                           });
  EXPECT_FALSE(made.check());
}

TEST(Verify, CatchesAnAddressWithTheIdentityOfAnother) {
  Made made;
  auto& addresses = made.table.addresses;
  const IdentityId other = std::next(addresses.begin())->second.identity;
  const IpAddress address = std::next(addresses.begin(), 3)->first;
  addresses.at(address).identity = other;
  EXPECT_FALSE(made.check());
}

TEST(Verify, CatchesMissingAndSurplusAddresses) {
  Made missing;
  missing.table.addresses.erase(std::prev(missing.table.addresses.end()));
  EXPECT_FALSE(missing.check());
  Made surplus;
  const auto first = surplus.table.addresses.begin()->second.identity;
  surplus.table.addresses.emplace(ip("10.0.7.7"), compile::PodAddress{first, {"db", "gone"}});
  EXPECT_FALSE(surplus.check());
}

TEST(Verify, CatchesAnUnownedAddressThatIsNotUnknown) {
  Made made;
  made.edit<std::uint32_t>(
      table::SectionKind::TrieLeaves4, [](std::uint32_t* leaves, std::size_t count) {
        std::replace(leaves, leaves + count, kUnknownIdentity.value, kWorldIdentity.value);
      });
  EXPECT_FALSE(made.check());
}

TEST(Verify, CatchesASlotOfAnotherRule) {
  Made made;
  ASSERT_GT(made.table.slots.size(), 1u);
  auto& slots = made.table.slots.own();
  std::swap(slots[0].rule, slots[1].rule);
  EXPECT_FALSE(made.check());
}

TEST(Verify, RefusesATableOfAnotherCluster) {
  Made made;
  allow(*const_cast<model::Policy*>(made.cluster.policies.begin()->second.get()),
        Direction::Ingress, {});
  EXPECT_FALSE(made.check());
}

}  // namespace
}  // namespace bulkhead::verify
