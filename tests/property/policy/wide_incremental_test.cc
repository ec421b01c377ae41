// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "policy/compile/compiler.h"
#include "policy/table/view.h"
#include "tests/property/policy/wide_cluster.h"

// What small random clusters never reach: rows of many blocks, columns that come and go by the
// dozen, rule sets with more intervals than a cache line has.
namespace bulkhead {
namespace {

using testing::Random;
using testing::WideCluster;

constexpr int kSequences = 4;
constexpr int kEdits = 40;

void expect_same(const compile::CompiledTable& one, const compile::CompiledTable& full) {
  ASSERT_EQ(one.sections.size(), full.sections.size());
  for (std::size_t i = 0; i < one.sections.size(); ++i) {
    ASSERT_EQ(one.sections[i].kind, full.sections[i].kind);
    ASSERT_EQ(one.sections[i].bytes, full.sections[i].bytes) << "section " << i;
    ASSERT_EQ(one.sections[i].checksum, full.sections[i].checksum) << "section " << i;
  }
  ASSERT_EQ(one.slots, full.slots);
  ASSERT_EQ(one.slot_keys, full.slot_keys);
}

TEST(Compiler, KeepsTheRowsOfWideTables) {
  Random random(testing::seed_from_environment() + 4);
  std::set<std::uint32_t> strides;
  bool has_wide_sets = false;
  for (int sequence = 0; sequence < kSequences; ++sequence) {
    WideCluster wide(random);
    compile::Compiler compiler;
    compile::Numbers numbers;
    for (int edit = 0; edit < kEdits; ++edit) {
      SCOPED_TRACE(fmt::format("sequence {} edit {}", sequence, edit));
      const Revision revision{static_cast<std::uint64_t>(edit + 1)};
      compile::Numbers same_numbers = numbers;
      const auto one = compiler.compile(wide.cluster(), wide.local(), revision, numbers);
      const auto full = compile::compile(wide.cluster(), wide.local(), revision, same_numbers);
      ASSERT_TRUE(one) << one.error().text();
      ASSERT_TRUE(full) << full.error().text();
      expect_same(*one, *full);
      ASSERT_FALSE(HasFailure());
      ASSERT_EQ(numbers.text(), same_numbers.text());
      const auto view = table::TableView::open(one->section_bytes());
      ASSERT_TRUE(view) << view.error().text();
      for (const Direction direction : kDirections) strides.insert(view->row_stride(direction));
      has_wide_sets = has_wide_sets || view->wide_maps().size() > 0;
      wide.edit();
    }
  }
  EXPECT_GT(strides.size(), 1u);
  EXPECT_GT(*strides.rbegin(), 2u);
  EXPECT_TRUE(has_wide_sets);
}

}  // namespace
}  // namespace bulkhead
