// SPDX-License-Identifier: Apache-2.0
#include "policy/question/diff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <map>
#include <tuple>

#include "policy/question/matrix.h"
#include "tests/property/policy/describe.h"
#include "tests/property/policy/editor.h"
#include "tests/property/policy/wide_cluster.h"

namespace bulkhead {
namespace {

using question::End;
using question::Probe;
using testing::Random;

constexpr int kCases = 30'000;

const std::vector<Probe>& probes() {
  static const std::vector<Probe> all = {{kTcp, 0},  {kTcp, 53}, {kTcp, 80},  {kTcp, 65535},
                                         {kUdp, 53}, {kUdp, 81}, {kSctp, 80}, {kIcmp, 0}};
  return all;
}

bool holds(const std::string& name, const End& end) {
  if (end.pod != nullptr) return name == end.name;
  if (const auto block = Prefix::parse(name)) return block->prefix.contains(*end.address);
  const auto dash = name.find('-');
  const auto first = IpAddress::parse(name.substr(0, dash));
  if (dash == std::string::npos || !first) return false;
  const auto last = IpAddress::parse(name.substr(dash + 1));
  return last && *first <= *end.address && *end.address <= *last;
}

bool holds(const std::vector<std::string>& names, const End& end) {
  return std::ranges::any_of(names, [&](const auto& name) { return holds(name, end); });
}

bool holds(const question::PortSpan& span, const Probe& probe) {
  const bool has_protocol =
      span.protocol == (has_ports(probe.protocol) ? protocol_name(probe.protocol) : "other");
  return has_protocol &&
         (!has_ports(probe.protocol) || (span.first <= probe.port && probe.port <= span.last));
}

// What the diff says that the verdict is now; nothing when it says that it did not change.
std::optional<Verdict> told(const question::Diff& diff, Family family, const End& from,
                            const End& to, const Probe& probe) {
  std::optional<Verdict> verdict;
  for (const auto& pair : diff.pairs) {
    if (std::ranges::find(pair.families, family) == pair.families.end()) continue;
    if (!holds(pair.from, from) || !holds(pair.to, to)) continue;
    for (const auto& change : pair.changes) {
      if (!holds(change.ports, probe)) continue;
      EXPECT_FALSE(verdict) << "told twice: " << from.name << " -> " << to.name;
      verdict = change.after;
    }
  }
  return verdict;
}

// (from, to, probe) -> the cell, of ends that have one name each.
using Verdicts = std::map<std::tuple<std::string, std::string, std::size_t>, Verdict>;

Verdicts verdicts_of(const question::Matrix& matrix) {
  Verdicts verdicts;
  for (const auto& cell : matrix.cells) {
    verdicts[{matrix.ends[cell.from].name, matrix.ends[cell.to].name, cell.probe}] =
        cell.judgement.verdict();
  }
  return verdicts;
}

// Every pair of ends that are in both versions: the diff names those whose verdict changed by the
// oracle's reading, and no others.
TEST(Diff, NamesWhatTheOracleAnswersOtherwise) {
  Random random(testing::seed_from_environment() + 5);
  const int cases = testing::cases_from_environment(kCases);
  int pairs = 0;
  int changed = 0;
  while (pairs < cases) {
    const model::Cluster before = testing::random_cluster(random);
    model::Cluster after = before;
    testing::Editor editor(random);
    compile::LocalPods ignored;
    for (auto edits = random() % 3 + 1; edits > 0; --edits) editor.edit(after, ignored);
    if (testing::has_shared_address(before) || testing::has_shared_address(after)) continue;
    const auto diff = question::diff(before, after);
    ASSERT_TRUE(diff) << diff.error().text();
    for (const auto family : {Family::V4, Family::V6}) {
      question::MatrixOptions options{probes(), family, {}};
      for (int i = 0; i < 3; ++i) {
        const auto address = testing::random_address(random);
        const bool is_outside = address.family == family &&
                                !testing::is_pod_address(before, address) &&
                                !testing::is_pod_address(after, address);
        if (is_outside) options.externals.push_back(Prefix::host(address));
      }
      const auto matrix = question::oracle_matrix(before, options);
      const auto now = verdicts_of(question::oracle_matrix(after, options));
      for (const auto& cell : matrix.cells) {
        if (cell.from == cell.to) continue;
        const auto& from = matrix.ends[cell.from];
        const auto& to = matrix.ends[cell.to];
        const auto found = now.find({from.name, to.name, cell.probe});
        if (found == now.end()) continue;
        const auto verdict = cell.judgement.verdict();
        const auto expected =
            verdict == found->second ? std::optional<Verdict>() : std::optional(found->second);
        const auto& probe = matrix.probes[cell.probe];
        ASSERT_EQ(told(*diff, family, from, to, probe), expected)
            << from.name << " -> " << to.name << " " << probe.text() << "\nbefore\n"
            << testing::describe(before) << "\nafter\n"
            << testing::describe(after);
        ++pairs;
        changed += expected ? 1 : 0;
      }
    }
  }
  EXPECT_GT(changed, pairs / 1000);
  std::cout << pairs << " pairs and ports, " << changed << " changed\n";
}

// Rows of many blocks, columns that come and go.
TEST(Diff, NamesWhatTheOracleAnswersOtherwiseInWideTables) {
  Random random(testing::seed_from_environment() + 6);
  const int cases = testing::cases_from_environment(kCases);
  testing::WideCluster wide(random);
  int pairs = 0;
  int changed = 0;
  while (pairs < cases) {
    const model::Cluster before = wide.cluster();
    for (auto edits = random() % 3 + 1; edits > 0; --edits) wide.edit();
    const model::Cluster& after = wide.cluster();
    const auto diff = question::diff(before, after);
    ASSERT_TRUE(diff) << diff.error().text();
    const auto family = random() % 2 == 0 ? Family::V4 : Family::V6;
    std::vector<std::pair<End, End>> ends;  // of before and after
    for (const auto& [key, pod] : before.pods) {
      const auto now = after.pods.find(key);
      if (now == after.pods.end()) continue;
      const auto old_end = question::end_of(*pod, family);
      const auto new_end = question::end_of(*now->second, family);
      if (old_end && new_end) ends.emplace_back(*old_end, *new_end);
    }
    for (int i = 0; i < 1000; ++i, ++pairs) {
      const auto& from = ends[random() % ends.size()];
      const auto& to = ends[random() % ends.size()];
      if (&from == &to) continue;
      const std::array<std::uint16_t, 5> ports = {80, 8000, 8001, 8002, 443};
      const Probe probe{kTcp, ports[random() % ports.size()]};
      const auto was = question::OracleJudge(before).judge(from.first, to.first, probe).verdict();
      const auto is = question::OracleJudge(after).judge(from.second, to.second, probe).verdict();
      ASSERT_EQ(told(*diff, family, from.second, to.second, probe),
                was == is ? std::optional<Verdict>() : std::optional(is))
          << from.first.name << " -> " << to.first.name << " " << probe.text();
      changed += was == is ? 0 : 1;
    }
  }
  EXPECT_GT(changed, 0);
  std::cout << pairs << " pairs and ports, " << changed << " changed\n";
}

}  // namespace
}  // namespace bulkhead
