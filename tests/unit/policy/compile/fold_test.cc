// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/fold.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "policy/table/format.h"
#include "tests/unit/policy/compile/cluster_builder.h"

namespace bulkhead::compile {
namespace {

using namespace bulkhead::testing;
using model::RuleAction;
using model::Tier;

// Policies whose every rule matches the peer at hand, folded for one stance.
class Fold {
 public:
  // A policy of one ingress rule; Admin and Baseline ones are cluster-wide.
  Fold& rule(Tier tier, const std::string& name, RuleAction action,
             std::vector<model::PortMatch> ports = {}, const bool is_staged = false) {
    auto policy = std::make_shared<model::Policy>();
    policy->tier = tier;
    policy->name = name;
    policy->staged = is_staged;
    policy->rules[1].push_back({"0", action, {}, std::move(ports)});
    for (const auto number : book_.rules_of(*policy, Direction::Ingress)) {
      stance.rules.push_back(number);
    }
    policies_.push_back(std::move(policy));
    return *this;
  }
  Fold& accept(Tier tier, const std::string& name, std::vector<model::PortMatch> ports = {}) {
    return rule(tier, name, RuleAction::Accept, std::move(ports));
  }
  Fold& isolated() {
    for (Base& base : stance.base) base.is_isolated = true;
    return *this;
  }
  Fold& closed_by_default() {
    for (Base& base : stance.base) base = {false, Verdict::Deny, RuleName::Node};
    return *this;
  }
  Fold& open_by_default() {
    for (Base& base : stance.base) base = {false, Verdict::Allow, RuleName::Node};
    return *this;
  }

  // What holds at a port, "allow NAME" with the policy's name or the implicit rule.
  [[nodiscard]] std::string at(std::uint16_t port, std::uint8_t protocol = kTcp,
                               World world = World::Enforced) const {
    const auto point = table::line_point(protocol, port);
    for (const auto& interval : folded()) {
      if (point > interval.last) continue;
      const Outcome& outcome = interval.outcome[static_cast<std::size_t>(world)];
      std::string name = book_.text(outcome.rule);
      if (name.starts_with("NetworkPolicy/")) name = name.substr(14, name.find('/', 14) - 14);
      return fmt::format("{} {}", name_of(outcome.verdict), name);
    }
    return "beyond the line";
  }
  [[nodiscard]] std::vector<FoldedInterval> folded() const {
    return fold(book_, stance, stance.rules, book_.ports_of(destination));
  }

  Stance stance;
  model::Pod destination;

 private:
  model::Cluster cluster_;
  Identities identities_{cluster_.settings};
  Resolver resolver_{cluster_, identities_};
  PortNames port_names_;
  RuleBook book_{resolver_, identities_.inventory(), port_names_};
  std::vector<model::PolicyPtr> policies_;
};

TEST(Fold, CoversTheWholeLineInOrder) {
  Fold fold;
  fold.isolated().accept(Tier::NetworkPolicy, "p", {tcp(80), tcp(0), tcp(65535), tcp(81)});
  const auto intervals = fold.folded();
  ASSERT_FALSE(intervals.empty());
  EXPECT_EQ(intervals.back().last, table::kLineEnd);
  EXPECT_TRUE(std::ranges::is_sorted(intervals, std::ranges::less_equal{}, &FoldedInterval::last));
  EXPECT_EQ(fold.at(0), "allow p");
  EXPECT_EQ(fold.at(1), "deny default/isolated");
  EXPECT_EQ(fold.at(79), "deny default/isolated");
  EXPECT_EQ(fold.at(81), "allow p");
  EXPECT_EQ(fold.at(82), "deny default/isolated");
  EXPECT_EQ(fold.at(65535), "allow p");
}

TEST(Fold, NeverLetsAProtocolsLastPortReachIntoTheNextProtocol) {
  Fold fold;
  fold.isolated().accept(Tier::NetworkPolicy, "p", {tcp(1, 65535)});
  EXPECT_EQ(fold.at(65535, kTcp), "allow p");
  EXPECT_EQ(fold.at(0, kUdp), "deny default/isolated");
  EXPECT_EQ(fold.at(0, kTcp), "deny default/isolated");
}

TEST(Fold, GivesProtocolsWithoutPortsToRulesWithoutPortsOnly) {
  Fold with_ports;
  with_ports.isolated().accept(
      Tier::NetworkPolicy, "p",
      {tcp(0, 65535), {kUdp, model::PortRange{}}, {kSctp, model::PortRange{}}});
  EXPECT_EQ(with_ports.at(0, kIcmp), "deny default/isolated");
  Fold without;
  without.isolated().accept(Tier::NetworkPolicy, "p");
  EXPECT_EQ(without.at(0, kIcmp), "allow p");
}

TEST(Fold, NamesTheFirstOfOverlappingRules) {
  Fold fold;
  fold.isolated()
      .accept(Tier::NetworkPolicy, "narrow", {tcp(80, 90)})
      .accept(Tier::NetworkPolicy, "wide", {tcp(70, 100)});
  EXPECT_EQ(fold.at(69), "deny default/isolated");
  EXPECT_EQ(fold.at(79), "allow wide");
  EXPECT_EQ(fold.at(80), "allow narrow");
  EXPECT_EQ(fold.at(90), "allow narrow");
  EXPECT_EQ(fold.at(91), "allow wide");
  EXPECT_EQ(fold.at(101), "deny default/isolated");
}

TEST(Fold, LetsTheAdminTierDecideBeforeNetworkPolicies) {
  Fold fold;
  fold.isolated()
      .rule(Tier::Admin, "no", RuleAction::Deny, {tcp(80)})
      .rule(Tier::Admin, "yes", RuleAction::Accept, {tcp(81)})
      .accept(Tier::NetworkPolicy, "p", {tcp(80)});
  EXPECT_EQ(fold.at(80), "deny no");
  EXPECT_EQ(fold.at(81), "allow yes");
  EXPECT_EQ(fold.at(82), "deny default/isolated");
}

TEST(Fold, LeavesTheTierAtAPassAndNotTheWholeDecision) {
  Fold fold;
  fold.closed_by_default()
      .rule(Tier::Admin, "pass", RuleAction::Pass, {tcp(80)})
      .rule(Tier::Admin, "never asked at 80", RuleAction::Accept, {tcp(80, 81)})
      .rule(Tier::Baseline, "below", RuleAction::Accept, {tcp(80)});
  EXPECT_EQ(fold.at(80), "allow below");
  EXPECT_EQ(fold.at(81), "allow never asked at 80");
}

TEST(Fold, EndsAPassOfTheLastTierInTheDefault) {
  Fold fold;
  fold.open_by_default()
      .rule(Tier::Baseline, "pass", RuleAction::Pass, {tcp(80)})
      .rule(Tier::Baseline, "no", RuleAction::Deny);
  EXPECT_EQ(fold.at(80), "allow default/node");
  EXPECT_EQ(fold.at(81), "deny no");
}

TEST(Fold, NeverAsksTheBaselineTierOfAnIsolatedSubject) {
  Fold fold;
  fold.isolated().rule(Tier::Baseline, "below", RuleAction::Accept);
  EXPECT_EQ(fold.at(80), "deny default/isolated");
}

TEST(Fold, CountsStagedRulesInTheStagedWorldOnly) {
  Fold fold;
  fold.open_by_default().rule(Tier::Admin, "trial", RuleAction::Deny, {tcp(80)}, true);
  EXPECT_EQ(fold.at(80, kTcp, World::Enforced), "allow default/node");
  EXPECT_EQ(fold.at(80, kTcp, World::Staged), "deny trial");
  EXPECT_EQ(fold.at(81, kTcp, World::Staged), "allow default/node");
}

TEST(Fold, ClosesAQuarantinedSubjectWhateverItsRulesSay) {
  Fold fold;
  fold.accept(Tier::Admin, "admin").accept(Tier::NetworkPolicy, "p");
  fold.stance.is_quarantined = true;
  EXPECT_EQ(fold.at(80), "deny default/quarantine");
  EXPECT_EQ(fold.at(0, kIcmp), "deny default/quarantine");
}

TEST(Fold, TakesNamedPortsFromTheDestinationByNameAndProtocol) {
  Fold fold;
  fold.destination.ports = {{"web", kUdp, 53}, {"web", kTcp, 8080}, {"web", kTcp, 9090}};
  fold.isolated().accept(Tier::NetworkPolicy, "p", {named("web")});
  EXPECT_EQ(fold.at(8080), "allow p");
  EXPECT_EQ(fold.at(9090), "deny default/isolated") << "the first of a name counts";
  EXPECT_EQ(fold.at(53, kUdp), "deny default/isolated");
}

TEST(Fold, MatchesNothingByANameTheDestinationLacks) {
  Fold fold;
  fold.isolated().accept(Tier::NetworkPolicy, "p", {named("web")});
  for (const std::uint16_t port : std::initializer_list<std::uint16_t>{0, 1, 80, 8080, 65535}) {
    EXPECT_EQ(fold.at(port), "deny default/isolated") << port;
  }
  EXPECT_EQ(fold.at(0, kIcmp), "deny default/isolated");
}

}  // namespace
}  // namespace bulkhead::compile
