// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <random>

#include "policy/table/builder.h"
#include "policy/table/interner.h"
#include "policy/table/view.h"

namespace bulkhead::table {
namespace {

DecisionRecord allowed(std::uint32_t slot) { return {.slot = slot, .verdict = 1, .reserved = {}}; }

TEST(Interner, GivesWhatStaysItsOldPlaceAndFillsHoles) {
  Interner<DecisionRecord> first(1);
  EXPECT_EQ(first.index_of({}), 0u);
  EXPECT_EQ(first.index_of(allowed(1)), 1u);
  EXPECT_EQ(first.index_of(allowed(2)), 2u);
  EXPECT_EQ(first.index_of(allowed(3)), 3u);
  for (const std::uint32_t index : {0u, 1u, 2u, 3u}) EXPECT_TRUE(first.mark(index));
  EXPECT_FALSE(first.mark(2));
  first.sweep();

  // One that goes on, and one that was given the records of the last table.
  for (Interner<DecisionRecord> second : {first, Interner<DecisionRecord>(1, first.records())}) {
    EXPECT_EQ(second.index_of({}), 0u);
    EXPECT_EQ(second.index_of(allowed(3)), 3u);
    // The places of 1 and 2 are still theirs in this table, should they yet be asked for.
    EXPECT_EQ(second.index_of(allowed(4)), 4u);
    EXPECT_EQ(second.index_of(allowed(2)), 2u);
    for (const std::uint32_t index : {0u, 3u, 4u, 2u}) EXPECT_TRUE(second.mark(index));
    second.sweep();
    const auto records = second.records();
    ASSERT_EQ(records.size(), 5u);
    EXPECT_EQ(records[1].slot, 0u);
    EXPECT_EQ(records[1].verdict, 0u);  // a hole is denied

    for (Interner<DecisionRecord> third : {second, Interner<DecisionRecord>(1, records)}) {
      EXPECT_EQ(third.index_of({}), 0u);
      EXPECT_EQ(third.index_of(allowed(5)), 1u);
      EXPECT_TRUE(third.mark(0));
      EXPECT_TRUE(third.mark(1));
      third.sweep();
      EXPECT_EQ(third.records().size(), 2u);  // nobody asked for those behind
    }
  }
}

// Many come and go, so that the hash index has to close gaps of all shapes.
TEST(Interner, FindsWhatStaysWhoeverLeft) {
  std::mt19937 random(7);
  Interner<DecisionRecord> kept(1);
  for (int table = 0; table < 200; ++table) {
    Interner<DecisionRecord> anew(1, kept.records());
    for (std::uint32_t i = 0; i < 60; ++i) {
      const auto slot = static_cast<std::uint32_t>(1 + random() % 120);
      const std::uint32_t index = kept.index_of(allowed(slot));
      ASSERT_EQ(anew.index_of(allowed(slot)), index);
      ASSERT_EQ(kept[index].slot, slot);
      (void)kept.mark(index);
      (void)anew.mark(index);
    }
    kept.sweep();
    anew.sweep();
    ASSERT_EQ(kept.records().size(), anew.records().size());
    for (std::uint32_t i = 0; i < kept.records().size(); ++i) {
      ASSERT_EQ(kept.records()[i].slot, anew.records()[i].slot);
    }
  }
}

class PlacesTest : public testing::Test {
 protected:
  // Puts in that each of these subjects may receive from column 1 on its own port.
  static void write(TableBuilder& builder, const std::vector<std::uint32_t>& subjects) {
    for (const std::uint32_t subject : subjects) {
      const auto yes = builder.decision(allowed(subject));
      const auto set = builder.rule_set({{subject - 1, 0}, {subject, yes}, {kLineEnd, 0}});
      const std::array cells = {TableBuilder::Cell{1, set}};
      const auto row = builder.add_row(Direction::Ingress, 0, cells, IdentityId{subject});
      builder.set_subject(IdentityId{subject}, Direction::Ingress, row);
    }
  }
  // Those of such a table.
  static Places table(Places before, const std::vector<std::uint32_t>& subjects) {
    TableBuilder builder(std::move(before));
    write(builder, subjects);
    EXPECT_TRUE(builder.finish(Revision{1}));
    return builder.places();
  }
  static std::uint32_t row_of(const Places& places, std::uint32_t identity) {
    return places.identities[identity].subject_class[1];
  }
};

TEST_F(PlacesTest, ASubjectThatStaysKeepsItsRow) {
  const Places first = table({}, {20, 21, 22});
  const Places second = table(first, {19, 21, 22});
  EXPECT_EQ(row_of(second, 21), row_of(first, 21));
  EXPECT_EQ(row_of(second, 22), row_of(first, 22));
  EXPECT_GT(row_of(second, 19), row_of(first, 22));  // the row of 20 is not given away at once
  const Places third = table(second, {19, 21, 22, 23});
  EXPECT_EQ(row_of(third, 23), row_of(first, 20));
}

TEST_F(PlacesTest, ATableWithHolesIsValidAndTheyAreClosed) {
  const Places first = table({}, {20, 21, 22});
  TableBuilder builder(first);
  write(builder, {22});
  const auto sections = *builder.finish(Revision{2});
  const auto view = TableView::open(borrow(sections));
  ASSERT_TRUE(view) << view.error().text();
  const std::uint32_t stride = view->row_stride(Direction::Ingress);
  for (std::uint32_t row = 0; row < row_of(builder.places(), 22); ++row) {
    EXPECT_EQ(view->rows(Direction::Ingress)[row * stride], 0u);
  }
}

TEST_F(PlacesTest, AKeptRowGivesTheBytesOfOneWrittenAnew) {
  TableBuilder builder;
  const auto row_with = [&](TableBuilder& to, std::uint32_t slot) {
    const auto yes = to.decision(allowed(slot));
    return to.rule_set({{79, 0}, {80, yes}, {kLineEnd, 0}});
  };
  auto row = builder.row(0);
  builder.set_cells(row, std::array{TableBuilder::Cell{1, row_with(builder, 1)},
                                    TableBuilder::Cell{70, row_with(builder, 2)}});
  builder.reserve_columns(Direction::Egress, 71);
  builder.set_subject(IdentityId{20}, Direction::Egress,
                      builder.put_row(Direction::Egress, row, IdentityId{20}));
  const auto first = *builder.finish(Revision{1});
  const Places places = builder.places();

  // Column 70 is nobody's any more, and 2 is asked for by another.
  builder.set_cells(
      row, std::array{TableBuilder::Cell{2, row_with(builder, 3)}, TableBuilder::Cell{70, 0}});
  builder.reserve_columns(Direction::Egress, 3);
  builder.set_subject(IdentityId{20}, Direction::Egress,
                      builder.put_row(Direction::Egress, row, IdentityId{20}));
  const auto kept = *builder.finish(Revision{2}, first);

  TableBuilder anew(places);
  const std::array cells = {TableBuilder::Cell{1, row_with(anew, 1)},
                            TableBuilder::Cell{2, row_with(anew, 3)}};
  anew.set_subject(IdentityId{20}, Direction::Egress,
                   anew.add_row(Direction::Egress, 0, cells, IdentityId{20}));
  const auto written = *anew.finish(Revision{2});
  ASSERT_EQ(kept.size(), written.size());
  for (std::size_t i = 0; i < kept.size(); ++i) {
    EXPECT_EQ(kept[i].kind, written[i].kind);
    EXPECT_EQ(kept[i].bytes, written[i].bytes) << "section " << i;
  }
}

}  // namespace
}  // namespace bulkhead::table
