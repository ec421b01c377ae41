// SPDX-License-Identifier: Apache-2.0
#include "policy/question/prove.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/policy/oracle/builders.h"

namespace bulkhead::question {
namespace {

using oracle::cluster_of;
using oracle::policy;
using oracle::prefix;
using oracle::three_pods;
using testing::HasSubstr;
using Outcome = Proof::Outcome;

std::string file_of(std::string_view assertion) {
  return fmt::format(
      "apiVersion: bulkhead.io/v1alpha1\nkind: Assertions\nmetadata: {{name: a}}\n"
      "spec:\n  assertions:\n  - {}\n",
      assertion);
}

Proof proof_of(const model::Cluster& cluster, std::string_view assertion) {
  const auto read = read_assertions("a.yaml", file_of(assertion));
  for (const auto& error : read.errors) throw std::runtime_error(error.text());
  return prove(cluster, read.assertions).value().at(0);
}

std::string error_of(std::string_view assertion) {
  const auto read = read_assertions("a.yaml", file_of(assertion));
  return read.errors.empty() ? "no error" : read.errors.front().text();
}

model::Cluster sql_from_web() {
  return cluster_of(three_pods() +
                    policy("{ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: "
                           "{app: web}}}], ports: [{port: 5432}]}]}"));
}

TEST(Assertions, NeverIsProvenOrRefutedWithAWitness) {
  const auto cluster = sql_from_web();
  EXPECT_EQ(proof_of(cluster, "never: {from: {pods: {app: api}}, to: {namespace: db}}").outcome,
            Outcome::Proven);
  const auto refuted = proof_of(cluster, "never: {from: {namespace: web}, to: {namespace: db}}");
  EXPECT_EQ(refuted.outcome, Outcome::Refuted);
  ASSERT_TRUE(refuted.witness.has_value());
  EXPECT_EQ(refuted.witness->from, "web/web");
  EXPECT_EQ(refuted.witness->to, "db/db");
  EXPECT_EQ(refuted.witness->port, (PortSpan{"TCP", 5432, 5432}));
  EXPECT_EQ(refuted.witness->ingress, "NetworkPolicy/db/p/ingress/0");
  EXPECT_EQ(proof_of(cluster, "never: {from: {namespace: web}, to: {namespace: db}, ports: [UDP]}")
                .outcome,
            Outcome::Proven);
}

TEST(Assertions, OnlyHoldsAgainstEverybodyElse) {
  const char* only = "only: {from: {pods: {app: web}}, to: {namespace: db}, ports: [TCP/5432]}";
  EXPECT_EQ(proof_of(sql_from_web(), only).outcome, Outcome::Proven);
  const auto world = proof_of(
      cluster_of(three_pods() + policy("{ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}]}")),
      only);
  EXPECT_EQ(world.outcome, Outcome::Refuted);
  EXPECT_EQ(world.witness->from, "203.0.113.0/24");
}

TEST(Assertions, AlwaysNeedsEveryPairAndPort) {
  const auto cluster = sql_from_web();
  EXPECT_EQ(proof_of(cluster,
                     "always: {from: {pods: {app: web}}, to: {namespace: db}, "
                     "ports: [TCP/5432]}")
                .outcome,
            Outcome::Proven);
  const auto refuted = proof_of(cluster,
                                "always: {from: {pods: {app: web}}, to: {namespace: db}, "
                                "ports: [TCP/5432-5433]}");
  EXPECT_EQ(refuted.outcome, Outcome::Refuted);
  EXPECT_EQ(refuted.witness->port.first, 5433);
  EXPECT_EQ(refuted.witness->verdict, Verdict::Deny);
}

TEST(Assertions, HoldInBothFamilies) {
  const auto cluster =
      cluster_of(three_pods() + policy("{ingress: [{from: [{ipBlock: {cidr: 'fd00::2/128'}}]}]}"));
  const auto refuted = proof_of(cluster, "never: {from: {namespace: web}, to: {namespace: db}}");
  ASSERT_TRUE(refuted.witness.has_value());
  EXPECT_EQ(refuted.witness->family, Family::V6);
}

TEST(Assertions, AreVacuousAboutNobody) {
  EXPECT_EQ(
      proof_of(sql_from_web(), "never: {from: {namespace: wbe}, to: {namespace: db}}").outcome,
      Outcome::Vacuous);
}

TEST(Assertions, KnowTheWorldAndBlocks) {
  const auto closed = cluster_of(three_pods() + policy("{policyTypes: [Egress]}"));
  EXPECT_EQ(proof_of(closed, "never: {from: {namespace: db}, to: {world: true}}").outcome,
            Outcome::Proven);
  EXPECT_EQ(proof_of(closed, "never: {from: {namespace: web}, to: {cidr: 8.8.8.0/24}}").outcome,
            Outcome::Refuted);
}

TEST(Assertions, AreReadStrictly) {
  EXPECT_THAT(error_of("never: {form: {namespace: a}, to: {namespace: b}}"), HasSubstr("from"));
  EXPECT_THAT(error_of("name: x"), HasSubstr("exactly one of never, only and always"));
  EXPECT_THAT(error_of("{never: {to: {world: true}}, always: {to: {world: true}}}"),
              HasSubstr("exactly one"));
  EXPECT_THAT(error_of("never: {from: {namespace: }, to: {namespace: b}}"), HasSubstr("namespace"));
  EXPECT_THAT(error_of("never: {to: {namespace: b}, ports: [TCP/0]}"), HasSubstr("write TCP"));
  EXPECT_THAT(error_of("never: {to: {namespace: b}, ports: []}"), HasSubstr("ports"));
  EXPECT_THAT(error_of("never: {to: {cidr: 10.0.0.0/8, world: true}}"), HasSubstr("one of them"));
  EXPECT_THAT(error_of("only: {to: {namespace: b}}"), HasSubstr("only ones"));
  EXPECT_FALSE(read_assertions("a.yaml", "").errors.empty());
  EXPECT_FALSE(read_assertions("a.yaml", "kind: Pod\n").errors.empty());
}

}  // namespace
}  // namespace bulkhead::question
