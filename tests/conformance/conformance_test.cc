// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "policy/parse/parse.h"
#include "policy/verify/verify.h"
#include "tests/conformance/case.h"

namespace bulkhead::conformance {
namespace {

namespace fs = std::filesystem;

const fs::path& folder() {
  static const fs::path path = BULKHEAD_CONFORMANCE_FOLDER;
  return path;
}

std::vector<fs::path> case_files() {
  std::vector<fs::path> files;
  for (const auto* name : {"clusters", "upstream", "tiers", "cyclonus", "assistant", "scale"}) {
    const auto found = parse::policy_files(folder() / name).value();
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

// What the case finds before anything of its own is written.
model::Cluster inventory_of(const Case& wanted) {
  std::vector<std::string> paths;
  for (const auto& name : wanted.inventory)
    paths.push_back((folder() / "inventory" / name).string());
  const auto parsed = parse::parse_paths(paths);
  for (const auto& error : parsed.errors()) ADD_FAILURE() << error.text();
  model::Cluster cluster;
  cluster.settings = wanted.settings;
  put(parsed.objects(), cluster);
  return cluster;
}

void check_verdicts(const question::Matrix& matrix, const Block& block, std::string_view reader) {
  for (const auto& cell : matrix.cells) {
    const auto& from = matrix.ends[cell.from].name;
    const auto& to = matrix.ends[cell.to].name;
    const auto wanted = expected_verdict(block, from, to);
    EXPECT_EQ(name_of(cell.judgement.verdict()), name_of(wanted))
        << reader << ": " << from << " -> " << to << " " << matrix.probes[cell.probe].text();
  }
}

void check_rules(const question::Matrix& matrix, const Block& block, std::string_view reader) {
  for (const auto& wanted : block.rules) {
    bool is_found = false;
    for (const auto& cell : matrix.cells) {
      if (matrix.ends[cell.from].name != wanted.from || matrix.ends[cell.to].name != wanted.to) {
        continue;
      }
      is_found = true;
      const auto& answer =
          wanted.direction == Direction::Egress ? cell.judgement.egress : cell.judgement.ingress;
      ASSERT_TRUE(answer.has_value()) << reader << ": " << wanted.from << " -> " << wanted.to;
      EXPECT_EQ(answer->rule, wanted.rule) << reader << ": " << wanted.from << " -> " << wanted.to
                                           << " " << matrix.probes[cell.probe].text();
    }
    EXPECT_TRUE(is_found) << "no such pair: " << wanted.from << " -> " << wanted.to;
  }
}

// A misspelt name in an expectation must not pass by matching nothing.
void check_names(const question::Matrix& matrix, const Block& block) {
  for (const auto& expectation : block.verdicts) {
    for (const auto& name : {expectation.from, expectation.to}) {
      if (name == "*") continue;
      const auto stem = name.ends_with('*') ? name.substr(0, name.size() - 1) : name;
      EXPECT_TRUE(std::any_of(matrix.ends.begin(), matrix.ends.end(),
                              [&](const auto& end) {
                                return stem == name ? end.name == name : end.name.starts_with(stem);
                              }))
          << "an expectation names " << name;
    }
  }
}

class Conformance : public testing::TestWithParam<fs::path> {};

TEST_P(Conformance, HoldsForOracleAndTable) {
  const Case wanted = read_case(GetParam());
  ASSERT_FALSE(wanted.blocks.empty());
  const auto inventory = inventory_of(wanted);
  for (const auto family : wanted.families) {
    SCOPED_TRACE(name_of(family));
    for (const auto& block : wanted.blocks) {
      auto cluster = inventory;
      for (const auto& edit : block.edits) apply(edit, GetParam().filename(), cluster);
      question::MatrixOptions options{block.probes, family, {}};
      for (const auto& external : wanted.externals) {
        if (external.family() == family) options.externals.push_back(external);
      }
      const auto by_oracle = question::oracle_matrix(cluster, options);
      const auto by_table = question::matrix(cluster, options);
      ASSERT_TRUE(by_table.has_value()) << by_table.error().text();
      ASSERT_GT(by_oracle.cells.size(), 1u);
      check_verdicts(by_oracle, block, "oracle");
      check_rules(by_oracle, block, "oracle");
      check_verdicts(*by_table, block, "table");
      check_rules(*by_table, block, "table");
      if (wanted.externals.empty()) check_names(by_oracle, block);
      EXPECT_THAT(question::differences(by_oracle, *by_table), testing::IsEmpty());
    }
  }
}

// One table follows the other with the numbers of the first, as they do in the agent, and each is
// what the second reader reads.
TEST_P(Conformance, HoldsStepByStepWithTheSameNumbers) {
  const Case wanted = read_case(GetParam());
  const auto inventory = inventory_of(wanted);
  compile::Numbers numbers;
  std::uint64_t revision = 0;
  for (const auto& block : wanted.blocks) {
    auto cluster = inventory;
    for (const auto& edit : block.edits) apply(edit, GetParam().filename(), cluster);
    const auto compiled = compile::compile(cluster, {}, Revision{++revision}, numbers);
    ASSERT_TRUE(compiled) << compiled.error().text();
    const auto report = verify::verify(cluster, {}, *compiled, {});
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_TRUE(report->is_complete());
  }
}

std::string test_name(const testing::TestParamInfo<fs::path>& info) {
  std::string name =
      info.param.parent_path().filename().string() + "_" + info.param.stem().string();
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cases, Conformance, testing::ValuesIn(case_files()), test_name);

}  // namespace
}  // namespace bulkhead::conformance
