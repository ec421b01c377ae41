// SPDX-License-Identifier: Apache-2.0
#include "policy/model/policy.h"

#include <gtest/gtest.h>

#include "policy/model/cluster.h"

namespace bulkhead::model {
namespace {

TEST(Policy, NamesItsRulesWithTheNamespaceWhereThereIsOne) {
  Policy policy;
  policy.namespace_name = "db";
  policy.name = "web";
  Rule rule;
  rule.index = "3";
  EXPECT_EQ(policy.rule_id(Direction::Egress, rule), "NetworkPolicy/db/web/egress/3");
  policy.kind = PolicyKind::Segment;
  rule.index = "dns";
  EXPECT_EQ(policy.rule_id(Direction::Ingress, rule), "Segment/db/web/ingress/dns");
  policy.kind = PolicyKind::ClusterNetworkPolicy;
  policy.namespace_name = "";
  EXPECT_EQ(policy.id(), "ClusterNetworkPolicy/web");
}

TEST(Origin, LeavesOutAnUnknownPlace) {
  EXPECT_EQ((Origin{"a.yaml", 3, 7}.text()), "a.yaml:3:7");
  EXPECT_EQ((Origin{"api", 0, 0}.text()), "api");
}

TEST(Pod, IsLiveUnlessFinishedOrOnTheHostsNetwork) {
  Pod pod;
  EXPECT_TRUE(pod.is_live());
  pod.finished = true;
  EXPECT_FALSE(pod.is_live());
  pod.finished = false;
  pod.host_network = true;
  EXPECT_FALSE(pod.is_live());
}

}  // namespace
}  // namespace bulkhead::model
