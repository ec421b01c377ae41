// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>

#include "policy/table/builder.h"
#include "policy/table/interner.h"
#include "policy/table/view.h"

namespace bulkhead::table {
namespace {

DecisionRecord allowed(std::uint32_t slot) { return {.slot = slot, .verdict = 1, .reserved = {}}; }

TEST(Interner, GivesWhatStaysItsOldPlaceAndFillsHoles) {
  Interner<DecisionRecord> first;
  EXPECT_EQ(first.index_of({}), 0u);
  EXPECT_EQ(first.index_of(allowed(1)), 1u);
  EXPECT_EQ(first.index_of(allowed(2)), 2u);
  EXPECT_EQ(first.index_of(allowed(3)), 3u);

  Interner<DecisionRecord> second(first.records());
  EXPECT_EQ(second.index_of({}), 0u);
  EXPECT_EQ(second.index_of(allowed(3)), 3u);
  // The places of 1 and 2 are still theirs in this table, should they yet be asked for.
  EXPECT_EQ(second.index_of(allowed(4)), 4u);
  EXPECT_EQ(second.index_of(allowed(2)), 2u);
  const auto records = second.records();
  ASSERT_EQ(records.size(), 5u);
  EXPECT_EQ(records[1].slot, 0u);
  EXPECT_EQ(records[1].verdict, 0u);  // a hole is denied

  Interner<DecisionRecord> third(records);
  EXPECT_EQ(third.index_of({}), 0u);
  EXPECT_EQ(third.index_of(allowed(5)), 1u);
  EXPECT_EQ(third.records().size(), 2u);  // nobody asked for those behind
}

class PlacesTest : public testing::Test {
 protected:
  // A table in which each of these subjects may receive from column 1 on its own port.
  static TableBuilder table(Places before, const std::vector<std::uint32_t>& subjects) {
    TableBuilder builder(std::move(before));
    for (const std::uint32_t subject : subjects) {
      const auto yes = builder.decision(allowed(subject));
      const auto set = builder.rule_set({{subject - 1, 0}, {subject, yes}, {kLineEnd, 0}});
      const std::array cells = {TableBuilder::Cell{1, set}};
      const auto row = builder.add_row(Direction::Ingress, 0, cells, IdentityId{subject});
      builder.set_subject(IdentityId{subject}, Direction::Ingress, row);
    }
    return builder;
  }
  static std::uint32_t row_of(const Places& places, std::uint32_t identity) {
    return places.identities[identity].subject_class[1];
  }
};

TEST_F(PlacesTest, ASubjectThatStaysKeepsItsRow) {
  const Places first = table({}, {20, 21, 22}).places();
  const Places second = table(first, {19, 21, 22}).places();
  EXPECT_EQ(row_of(second, 21), row_of(first, 21));
  EXPECT_EQ(row_of(second, 22), row_of(first, 22));
  EXPECT_GT(row_of(second, 19), row_of(first, 22));  // the row of 20 is not given away at once
  const Places third = table(second, {19, 21, 22, 23}).places();
  EXPECT_EQ(row_of(third, 23), row_of(first, 20));
}

TEST_F(PlacesTest, ATableWithHolesIsValidAndTheyAreClosed) {
  const Places first = table({}, {20, 21, 22}).places();
  const TableBuilder builder = table(first, {22});
  const auto sections = *builder.finish(Revision{2});
  const auto view = TableView::open(borrow(sections));
  ASSERT_TRUE(view) << view.error().text();
  const std::uint32_t stride = view->row_stride(Direction::Ingress);
  for (std::uint32_t row = 0; row < row_of(builder.places(), 22); ++row) {
    EXPECT_EQ(view->rows(Direction::Ingress)[row * stride], 0u);
  }
}

}  // namespace
}  // namespace bulkhead::table
