// SPDX-License-Identifier: Apache-2.0
#include "policy/question/prove.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <iostream>

#include "policy/oracle/match.h"
#include "policy/question/judge.h"
#include "policy/question/outside.h"
#include "tests/property/policy/describe.h"
#include "tests/property/policy/random_cluster.h"

namespace bulkhead {
namespace {

using question::AssertedEnd;
using question::Assertion;
using question::End;
using question::Proof;
using testing::describe;
using testing::Random;

constexpr int kCases = 3'000;

// Labels that some pod or namespace of the cluster has.
std::optional<model::LabelSelector> any_selector(Random& random, const auto& objects) {
  if (objects.empty() || random() % 3 == 0) return {};
  const auto& labels =
      std::next(objects.begin(), static_cast<std::ptrdiff_t>(random() % objects.size()))
          ->second->labels;
  model::LabelSelector selector;
  if (!labels.empty()) selector.match_labels.insert(*labels.begin());
  return selector;
}

AssertedEnd any_end(Random& random, const model::Cluster& cluster) {
  AssertedEnd end;
  if (random() % 8 == 0) {
    end.is_world = true;
    return end;
  }
  end.namespaces = any_selector(random, cluster.namespaces);
  end.pods = any_selector(random, cluster.pods);
  return end;
}

bool holds(const model::Cluster& cluster, const AssertedEnd& asserted, const End& end) {
  if (end.pod == nullptr) return asserted.is_world || asserted.is_everybody();
  const auto& name = end.pod->key.namespace_name;
  return !asserted.is_world &&
         (!asserted.namespaces || oracle::matches_namespace(cluster, *asserted.namespaces, name)) &&
         (!asserted.pods || oracle::matches_pod(*asserted.pods, *end.pod));
}

// An address of the stretch that is nobody's; its borders are where pods are most likely.
std::optional<End> outside_end(const model::Cluster& cluster, const question::Stretch& stretch) {
  for (const auto& address : {stretch.first, stretch.last}) {
    if (testing::is_pod_address(cluster, address)) continue;
    return question::external_end(cluster, Prefix::host(address));
  }
  return {};
}

// Everybody: live pods, and an address of each stretch outside the cluster.
std::vector<End> everybody(const model::Cluster& cluster, Family family) {
  std::vector<End> ends;
  for (const auto& [key, pod] : cluster.pods) {
    if (!pod->is_live()) continue;
    if (auto end = question::end_of(*pod, family)) ends.push_back(*end);
  }
  const std::array<const model::Cluster*, 1> clusters{&cluster};
  for (const auto& stretch : question::stretches(clusters)) {
    const bool is_inside = std::ranges::any_of(cluster.settings.pod_cidrs, [&](const Prefix& cidr) {
      return cidr.contains(stretch.first);
    });
    if (stretch.first.family != family || is_inside) continue;
    if (auto end = outside_end(cluster, stretch)) ends.push_back(*end);
  }
  return ends;
}

// As a witness names it; nothing where all that was tried of a stretch is a pod's.
std::optional<End> end_named(const model::Cluster& cluster, const std::string& name,
                             Family family) {
  const std::array<const model::Cluster*, 1> clusters{&cluster};
  for (const auto& stretch : question::stretches(clusters)) {
    if (stretch.text() == name) return outside_end(cluster, stretch);
  }
  const auto found = question::find_end(cluster, name, family);
  EXPECT_TRUE(found) << name;
  return found ? std::optional(*found) : std::nullopt;
}

bool breaks(const model::Cluster& cluster, const Assertion& assertion, const End& from,
            const End& to, const question::Probe& probe) {
  const bool is_same = from.pod != nullptr && from.pod == to.pod;
  if (is_same || (from.pod == nullptr && to.pod == nullptr)) return false;
  const bool is_from = holds(cluster, assertion.from, from);
  if (!holds(cluster, assertion.to, to)) return false;
  if (is_from != (assertion.kind != Assertion::Kind::Only)) return false;
  const auto verdict = question::OracleJudge(cluster).judge(from, to, probe).verdict();
  return verdict == (assertion.kind == Assertion::Kind::Always ? Verdict::Deny : Verdict::Allow);
}

// What breaks an assertion by the oracle's reading refutes it, and what refutes it breaks it.
TEST(Prove, RefutesWhatTheOracleSeesBroken) {
  Random random(testing::seed_from_environment() + 7);
  const int cases = testing::cases_from_environment(kCases);
  int refuted = 0;
  for (int round = 0; round < cases;) {
    const auto cluster = testing::random_cluster(random);
    if (testing::has_shared_address(cluster)) continue;
    ++round;
    Assertion assertion;
    constexpr std::array kKinds = {Assertion::Kind::Never, Assertion::Kind::Only,
                                   Assertion::Kind::Always};
    assertion.kind = kKinds[random() % kKinds.size()];
    assertion.from = any_end(random, cluster);
    assertion.to = any_end(random, cluster);
    const std::uint16_t port = random() % 2 == 0 ? 80 : 53;
    assertion.ports = {{"TCP", port, port}};
    const question::Probe probe{kTcp, port};
    const auto proofs = question::prove(cluster, {assertion});
    ASSERT_TRUE(proofs) << proofs.error().text();
    const Proof& proof = proofs->front();

    bool is_broken = false;
    for (const auto family : {Family::V4, Family::V6}) {
      const auto ends = everybody(cluster, family);
      for (const auto& from : ends) {
        for (const auto& to : ends) {
          is_broken = is_broken || breaks(cluster, assertion, from, to, probe);
        }
      }
    }
    ASSERT_TRUE(!is_broken || proof.outcome == Proof::Outcome::Refuted) << describe(cluster);
    if (proof.outcome != Proof::Outcome::Refuted) continue;
    ++refuted;
    ASSERT_TRUE(proof.witness);
    const auto& witness = *proof.witness;
    const auto from = end_named(cluster, witness.from, witness.family);
    const auto to = end_named(cluster, witness.to, witness.family);
    if (!from || !to) continue;
    ASSERT_TRUE(breaks(cluster, assertion, *from, *to, probe))
        << witness.from << " -> " << witness.to << "\n"
        << describe(cluster);
  }
  EXPECT_GT(refuted, cases / 20);
  std::cout << cases << " assertions, " << refuted << " refuted\n";
}

}  // namespace
}  // namespace bulkhead
