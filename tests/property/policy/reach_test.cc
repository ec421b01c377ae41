// SPDX-License-Identifier: Apache-2.0
#include "policy/question/reach.h"

#include <gmock/gmock.h>

#include "policy/question/matrix.h"
#include "tests/property/policy/describe.h"
#include "tests/property/policy/random_cluster.h"

namespace bulkhead {
namespace {

using testing::describe;
using testing::Random;

constexpr int kCases = 30'000;

const std::vector<question::Probe>& probes() {
  static const std::vector<question::Probe> all = {
      {kTcp, 0},  {kTcp, 1},  {kTcp, 53},  {kTcp, 80},     {kTcp, 65535}, {kUdp, 0},
      {kUdp, 53}, {kUdp, 81}, {kSctp, 80}, {kSctp, 65535}, {kIcmp, 0},    {47, 0}};
  return all;
}

Verdict verdict_at(const std::vector<question::Run>& runs, std::uint32_t point) {
  const auto run =
      std::ranges::find_if(runs, [&](const question::Run& one) { return point <= one.last; });
  return run != runs.end() ? run->verdict : Verdict::Deny;
}

TEST(Matrix, AnswersAsTheOracleDoes) {
  Random random(testing::seed_from_environment() + 3);
  const int cases = testing::cases_from_environment(kCases);
  const auto outside = *Prefix::make(IpAddress::v4(203, 0, 113, 0), 24);
  int cells = 0;
  for (int round = 0; cells < cases; ++round) {
    ASSERT_LT(round, cases);
    const auto cluster = testing::random_cluster(random);
    if (testing::has_shared_address(cluster)) continue;
    for (const auto family : {Family::V4, Family::V6}) {
      const question::MatrixOptions options{probes(), family, {outside}};
      const auto by_table = question::matrix(cluster, options);
      ASSERT_TRUE(by_table) << by_table.error().text();
      const auto by_oracle = question::oracle_matrix(cluster, options);
      ASSERT_THAT(question::differences(by_oracle, *by_table), ::testing::IsEmpty())
          << describe(cluster);
      cells += static_cast<int>(by_table->cells.size());
    }
  }
  std::cout << cells << " cells\n";
}

// Every point of the line that a run covers is decided as the oracle decides it, both ends
// together.
TEST(Reach, CoversTheLineAsTheOracleDoes) {
  Random random(testing::seed_from_environment() + 4);
  const int cases = testing::cases_from_environment(kCases);
  int points = 0;
  for (int round = 0; points < cases; ++round) {
    ASSERT_LT(round, cases);
    const auto cluster = testing::random_cluster(random);
    if (testing::has_shared_address(cluster)) continue;
    auto reach = question::Reach::compile(cluster);
    ASSERT_TRUE(reach) << reach.error().text();
    const auto family = random() % 2 == 0 ? Family::V4 : Family::V6;
    const auto matrix = question::oracle_matrix(cluster, {probes(), family, {}});
    for (const auto& cell : matrix.cells) {
      if (cell.from == cell.to) continue;
      const auto& from = matrix.ends[cell.from];
      const auto& to = matrix.ends[cell.to];
      const auto source = reach->of_pod(*from.pod, family);
      const auto destination = reach->of_pod(*to.pod, family);
      ASSERT_TRUE(source && destination) << from.name << " " << to.name;
      const auto& runs = reach->between(*source, *destination);
      ASSERT_FALSE(runs.empty());
      ASSERT_EQ(runs.back().last, table::kLineEnd);
      const auto& probe = matrix.probes[cell.probe];
      ++points;
      ASSERT_EQ(verdict_at(runs, table::line_point(probe.protocol, probe.port)),
                cell.judgement.verdict())
          << from.name << " -> " << to.name << " " << probe.text() << "\n"
          << describe(cluster);
    }
  }
  std::cout << points << " points\n";
}

}  // namespace
}  // namespace bulkhead
