// SPDX-License-Identifier: Apache-2.0
#include "policy/table/lookup.h"

#include <gmock/gmock.h>

#include <array>

#include "policy/table/builder.h"

namespace bulkhead::table {
namespace {

constexpr IdentityId kWeb{16};
constexpr IdentityId kDb{17};
constexpr std::uint32_t kWebColumn = 70;  // in the second block of a row

// db takes TCP/3306 from web (slot 7); everything else reaching db is denied in slot 9.
std::vector<Section> database_table() {
  TableBuilder builder;
  const auto yes = builder.decision({.slot = 7, .verdict = 1, .staged_verdict = 1});
  const auto no = builder.decision({.slot = 9});
  const auto mysql = builder.rule_set({{3305, no}, {3306, yes}, {kLineEnd, no}});
  const auto closed = builder.rule_set({{kLineEnd, no}});
  const std::array cells = {TableBuilder::Cell{kWebColumn, mysql}};
  builder.set_subject(kDb, Direction::Ingress, builder.add_row(Direction::Ingress, closed, cells));
  builder.set_peer(kWeb, Direction::Ingress, kWebColumn);
  builder.set_peer(kDb, Direction::Ingress, 1);
  builder.set_peer(kWorldIdentity, Direction::Ingress, 2);
  return *builder.finish(Revision{5});
}

Decision ask(const std::vector<Section>& sections, const Query& query,
             Direction direction = Direction::Ingress) {
  const auto borrowed = borrow(sections);
  const auto view = TableView::open(borrowed);
  EXPECT_TRUE(view) << view.error().text();
  Decision decision;
  lookup(*view, direction, {&query, 1}, {&decision, 1});
  return decision;
}

TEST(Lookup, AllowsOnlyThePortOfTheRule) {
  const auto table = database_table();
  const Decision allowed =
      ask(table, {.subject = kDb, .peer = kWeb, .port = 3306, .protocol = kTcp});
  EXPECT_EQ(allowed.verdict, Verdict::Allow);
  EXPECT_EQ(allowed.slot, CounterSlot{7});
  for (const std::uint16_t port : std::array<std::uint16_t, 4>{0, 3305, 3307, 65535}) {
    const Decision denied =
        ask(table, {.subject = kDb, .peer = kWeb, .port = port, .protocol = kTcp});
    EXPECT_EQ(denied.verdict, Verdict::Deny) << port;
    EXPECT_EQ(denied.slot, CounterSlot{9}) << port;
  }
}

TEST(Lookup, KeepsProtocolsApart) {
  const auto table = database_table();
  for (const std::uint8_t protocol : {kUdp, kSctp, kIcmp, kIcmpV6, std::uint8_t{47}}) {
    const Query query{.subject = kDb, .peer = kWeb, .port = 3306, .protocol = protocol};
    EXPECT_EQ(ask(table, query).verdict, Verdict::Deny) << int{protocol};
  }
}

TEST(Lookup, DeniesUnknownIdentitiesInSlotZero) {
  const auto table = database_table();
  for (const IdentityId unknown : {kUnknownIdentity, IdentityId{12}, IdentityId{4000000000}}) {
    EXPECT_EQ(ask(table, {unknown, kWeb, 3306, kTcp}).slot, CounterSlot{0});
    EXPECT_EQ(ask(table, {kDb, unknown, 3306, kTcp}).slot, CounterSlot{0});
    EXPECT_EQ(ask(table, {kDb, unknown, 3306, kTcp}).verdict, Verdict::Deny);
  }
}

TEST(Lookup, KeepsDirectionsApart) {
  const Query query{.subject = kDb, .peer = kWeb, .port = 3306, .protocol = kTcp};
  EXPECT_EQ(ask(database_table(), query, Direction::Egress).verdict, Verdict::Deny);
}

TEST(Lookup, AnswersBatchesOfAnyLengthInOrder) {
  const auto sections = database_table();
  const auto borrowed = borrow(sections);
  const auto view = TableView::open(borrowed);
  ASSERT_TRUE(view);
  std::vector<Query> queries(200, {.subject = kDb, .peer = kWeb, .port = 1, .protocol = kTcp});
  for (std::size_t i = 0; i < queries.size(); i += 3) queries[i].port = 3306;
  std::vector<Decision> decisions(queries.size());
  lookup(*view, Direction::Ingress, queries, decisions);
  for (std::size_t i = 0; i < queries.size(); ++i) {
    EXPECT_EQ(decisions[i].verdict, i % 3 == 0 ? Verdict::Allow : Verdict::Deny) << i;
  }
}

TEST(Lookup, AnswersWideRuleSetsAtEveryCut) {
  TableBuilder builder;
  const auto yes = builder.decision({.slot = 1, .verdict = 1, .staged_verdict = 1});
  std::vector<TableBuilder::Interval> intervals;  // even TCP ports below 40, and SCTP 255..256
  for (std::uint32_t port = 0; port < 40; ++port) {
    intervals.push_back({port, port % 2 == 0 ? yes : 0});
  }
  intervals.push_back({kLineSctp + 254, 0});
  intervals.push_back({kLineSctp + 256, yes});
  intervals.push_back({kLineEnd, 0});
  builder.set_peer(kWeb, Direction::Egress, 1);
  builder.set_subject(kWeb, Direction::Egress,
                      builder.add_row(Direction::Egress, builder.rule_set(intervals), {}));
  const auto table = *builder.finish(Revision{1});
  const auto verdict = [&](std::uint8_t protocol, std::uint16_t port) {
    return ask(table, {kWeb, kWeb, port, protocol}, Direction::Egress).verdict;
  };
  for (std::uint16_t port = 0; port < 60; ++port) {
    EXPECT_EQ(verdict(kTcp, port), port < 40 && port % 2 == 0 ? Verdict::Allow : Verdict::Deny);
    EXPECT_EQ(verdict(kUdp, port), Verdict::Deny);
  }
  EXPECT_EQ(verdict(kSctp, 254), Verdict::Deny);
  EXPECT_EQ(verdict(kSctp, 255), Verdict::Allow);
  EXPECT_EQ(verdict(kSctp, 256), Verdict::Allow);
  EXPECT_EQ(verdict(kSctp, 257), Verdict::Deny);
  EXPECT_EQ(verdict(kIcmp, 0), Verdict::Deny);
}

}  // namespace
}  // namespace bulkhead::table
