// SPDX-License-Identifier: Apache-2.0
#include "policy/question/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/policy/oracle/builders.h"

namespace bulkhead::question {
namespace {

using oracle::cluster_of;
using oracle::policy;
using oracle::three_pods;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kFromWeb =
    "{ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}], "
    "ports: [{port: 5432}]}]}";

TEST(Diff, IsEmptyForEqualFiles) {
  const auto cluster = cluster_of(three_pods() + policy(kFromWeb));
  const auto same = diff(cluster, cluster);
  ASSERT_TRUE(same.has_value()) << same.error().text();
  EXPECT_TRUE(same->is_empty());
  EXPECT_EQ(to_text(*same), "no change: every pair may do what it could before\n");
}

TEST(Diff, NamesExactlyThePairsAndPortsThatChange) {
  const auto before = cluster_of(three_pods() + policy(kFromWeb));
  const auto after = cluster_of(
      three_pods() +
      policy("{ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}], "
             "ports: [{port: 5432}, {port: 8000, endPort: 8010}]}]}"));
  const auto change = diff(before, after).value();
  ASSERT_EQ(change.pairs.size(), 1u);
  const auto& pair = change.pairs.front();
  EXPECT_THAT(pair.from, ElementsAre("web/web"));
  EXPECT_THAT(pair.to, ElementsAre("db/db"));
  EXPECT_THAT(pair.families, ElementsAre(Family::V4, Family::V6));
  ASSERT_EQ(pair.changes.size(), 1u);
  EXPECT_EQ(pair.changes[0].ports, (PortSpan{"TCP", 8000, 8010}));
  EXPECT_EQ(pair.changes[0].after, Verdict::Allow);
  EXPECT_EQ(pair.changes[0].ingress_before, "default/isolated");
  EXPECT_EQ(pair.changes[0].ingress_after, "NetworkPolicy/db/p/ingress/0");
  const auto back = diff(after, before).value();
  EXPECT_EQ(back.pairs.at(0).changes.at(0).after, Verdict::Deny);
}

TEST(Diff, CombinesBothDirections) {
  // The source may not leave either: opening the destination changes nothing for it.
  const std::string closed =
      three_pods() +
      policy("{policyTypes: [Egress], podSelector: {matchLabels: {app: web}}}", "out", "web");
  const auto before = cluster_of(closed + policy("{}"));
  const auto after = cluster_of(closed + policy(kFromWeb));
  EXPECT_THAT(diff(before, after).value().pairs, IsEmpty());
}

TEST(Diff, KeepsTheFamiliesApart) {
  const auto before = cluster_of(three_pods() + policy("{}"));
  const auto after =
      cluster_of(three_pods() + policy("{ingress: [{from: [{ipBlock: {cidr: 10.0.0.2/32}}]}]}"));
  const auto change = diff(before, after).value();
  ASSERT_EQ(change.pairs.size(), 2u);
  EXPECT_THAT(change.pairs[0].from, ElementsAre("web/web"));
  EXPECT_THAT(change.pairs[0].families, ElementsAre(Family::V4));
  EXPECT_THAT(change.pairs[1].from, ElementsAre("10.0.0.2/32"));
}

TEST(Diff, NamesOutsideAddressesByTheirBlocks) {
  const auto before = cluster_of(three_pods() + policy("{}"));
  const auto after = cluster_of(
      three_pods() +
      policy("{ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.0/25]}}], "
             "ports: [{protocol: UDP, port: 53}]}]}"));
  const auto change = diff(before, after).value();
  ASSERT_EQ(change.pairs.size(), 1u);
  EXPECT_THAT(change.pairs[0].from, ElementsAre("203.0.113.128/25"));
  EXPECT_THAT(to_text(change), HasSubstr("+ UDP/53: allow by NetworkPolicy/db/p/ingress/0, "
                                         "was deny by default/isolated"));
}

TEST(Diff, NamesPodsThatComeAndGoApart) {
  const auto before = cluster_of(three_pods());
  const auto after =
      cluster_of(three_pods() + "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: new}\n");
  const auto change = diff(before, after).value();
  EXPECT_THAT(change.pairs, IsEmpty());
  EXPECT_THAT(change.new_pods, ElementsAre("new/x"));
  EXPECT_THAT(diff(after, before).value().vanished_pods, ElementsAre("new/x"));
}

TEST(Diff, HasTheDocumentedJson) {
  const auto before = cluster_of(three_pods());
  const auto after = cluster_of(three_pods() + policy("{ingress: [{from: [{podSelector: {}}]}]}"));
  EXPECT_THAT(to_json(diff(before, after).value()),
              HasSubstr(R"("changes":[{"protocol":"TCP","first":0,"last":65535,"before":"allow",)"
                        R"("after":"deny","egress_before":"default/node",)"
                        R"("ingress_before":"default/node","egress_after":"default/node",)"
                        R"("ingress_after":"default/isolated"})"));
}

}  // namespace
}  // namespace bulkhead::question
