// SPDX-License-Identifier: Apache-2.0
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
  static const std::vector<question::Probe> all = {{kTcp, 0},  {kTcp, 53},   {kTcp, 80}, {kUdp, 53},
                                                   {kUdp, 81}, {kSctp, 443}, {kIcmp, 0}};
  return all;
}

// The namespace's own policies, and none else, are those of another random cluster.
model::Cluster with_other_policies(model::Cluster cluster, const std::string& space,
                                   const model::Cluster& source) {
  std::vector<std::string> own;
  for (const auto& [id, policy] : cluster.policies) {
    if (policy->namespace_name == space) own.push_back(id);
  }
  for (const auto& id : own) cluster.policies.erase(id);
  for (const auto& [id, policy] : source.policies) {
    if (policy->namespace_name.empty()) continue;
    auto moved = std::make_shared<model::Policy>(*policy);
    moved->namespace_name = space;
    cluster.policies.emplace(moved->id(), std::move(moved));
  }
  return cluster;
}

bool is_in(const question::End& end, const std::string& space) {
  return end.pod != nullptr && end.pod->key.namespace_name == space;
}

// Whoever may write policies in one namespace has no say between the pods of others, nor between
// them and the world.
TEST(Isolation, PoliciesOfANamespaceChangeNothingBetweenOthers) {
  Random random(testing::seed_from_environment() + 2);
  const int cases = testing::cases_from_environment(kCases);
  const question::MatrixOptions options{
      probes(), {}, {*Prefix::make(IpAddress::v4(203, 0, 113, 0), 24)}};
  int compared = 0;
  int changed = 0;
  for (int round = 0; compared < cases; ++round) {
    ASSERT_LT(round, cases);
    const auto before = testing::random_cluster(random);
    if (before.namespaces.empty()) continue;
    const std::string space = before.namespaces.begin()->first;
    const auto after = with_other_policies(before, space, testing::random_cluster(random));
    const auto old_matrix = question::matrix(before, options);
    const auto new_matrix = question::matrix(after, options);
    ASSERT_TRUE(old_matrix && new_matrix);
    ASSERT_EQ(old_matrix->cells.size(), new_matrix->cells.size());
    for (std::size_t i = 0; i < old_matrix->cells.size(); ++i) {
      const auto& old_cell = old_matrix->cells[i];
      const auto& new_cell = new_matrix->cells[i];
      const auto& from = old_matrix->ends[old_cell.from];
      const auto& to = old_matrix->ends[old_cell.to];
      if (is_in(from, space) || is_in(to, space)) {
        changed += old_cell.judgement == new_cell.judgement ? 0 : 1;
        continue;
      }
      ++compared;
      ASSERT_EQ(old_cell.judgement, new_cell.judgement)
          << space << " decides about " << from.name << " -> " << to.name << "\n"
          << describe(before) << "\nafter\n"
          << describe(after);
    }
  }
  std::cout << compared << " cells outside compared, " << changed << " inside changed\n";
  EXPECT_GT(changed, 100) << "the policies that were changed decided nothing";
}

}  // namespace
}  // namespace bulkhead
