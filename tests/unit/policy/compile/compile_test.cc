// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/compile.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "policy/table/lookup.h"
#include "tests/unit/policy/compile/cluster_builder.h"

namespace bulkhead::compile {
namespace {

using namespace bulkhead::testing;

// A compiled cluster that answers by pod name or address.
class Compiled {
 public:
  explicit Compiled(const model::Cluster& cluster, LocalPods local = {})
      : table_(*compile(cluster, local, Revision{1}, numbers_)),
        view_(*table::TableView::open(table_.section_bytes())) {}

  [[nodiscard]] IdentityId identity(std::string_view address) const {
    const auto found = table_.addresses.find(ip(address));
    return found != table_.addresses.end() ? found->second.identity
                                           : view_.outside_identity(ip(address));
  }
  [[nodiscard]] std::string answer(Direction direction, IdentityId subject, IdentityId peer,
                                   std::uint8_t protocol, std::uint16_t port) const {
    const table::Query query{subject, peer, port, protocol};
    table::Decision decision;
    table::lookup(view_, direction, {&query, 1}, {&decision, 1});
    return fmt::format("{} {}", name_of(decision.verdict), rule_of(decision.slot));
  }
  // Traffic into `subject` from `peer`.
  [[nodiscard]] std::string into(std::string_view subject, std::string_view peer,
                                 std::uint16_t port, std::uint8_t protocol = kTcp) const {
    return answer(Direction::Ingress, identity(subject), identity(peer), protocol, port);
  }
  [[nodiscard]] std::string out_of(std::string_view subject, std::string_view peer,
                                   std::uint16_t port, std::uint8_t protocol = kTcp) const {
    return answer(Direction::Egress, identity(subject), identity(peer), protocol, port);
  }
  [[nodiscard]] std::string rule_of(CounterSlot slot) const {
    const auto found = std::ranges::find(table_.slots, slot, &SlotInfo::slot);
    return found != table_.slots.end() ? found->rule : "";
  }
  [[nodiscard]] const CompiledTable& table() const { return table_; }

 private:
  Numbers numbers_;
  CompiledTable table_;
  table::TableView view_;
};

TEST(Compile, AllowsTheRuleAndNamesWhatDeniedTheRest) {
  auto builder = database();
  allow(builder.policy("db", "p", "db"), Direction::Ingress, {pods(app("web"))}, {tcp(3306)});
  const Compiled compiled(builder.cluster);
  EXPECT_EQ(compiled.into("10.0.0.1", "10.0.0.2", 3306), "allow NetworkPolicy/db/p/ingress/0");
  EXPECT_EQ(compiled.into("10.0.0.1", "10.0.0.2", 3307), "deny default/isolated");
  EXPECT_EQ(compiled.into("10.0.0.1", "10.0.0.2", 3306, kUdp), "deny default/isolated");
  EXPECT_EQ(compiled.into("10.0.0.1", "10.0.1.1", 3306), "deny default/isolated");
  EXPECT_EQ(compiled.into("10.0.0.1", "8.8.8.8", 3306), "deny default/isolated");
  EXPECT_EQ(compiled.out_of("10.0.0.1", "8.8.8.8", 1), "allow default/node");
}

TEST(Compile, DropsAddressesThatNoPodOwns) {
  auto builder = database();
  allow(builder.policy("db", "p"), Direction::Ingress, {model::CidrPeer{cidr("0.0.0.0/0"), {}}});
  const Compiled compiled(builder.cluster);
  EXPECT_EQ(compiled.into("10.0.0.1", "8.8.8.8", 1), "allow NetworkPolicy/db/p/ingress/0");
  EXPECT_EQ(compiled.into("10.0.0.1", "10.9.9.9", 1), "deny ");
  EXPECT_EQ(compiled.into("10.9.9.9", "8.8.8.8", 1), "deny ");
}

TEST(Compile, KeepsFamiliesApart) {
  auto builder = database();
  builder.pod("db", "db", "10.0.0.1", {{"app", "db"}}).ips.push_back(ip("fd00::1"));
  builder.pod("db", "v6", "fd00::2");
  allow(builder.policy("db", "p", "db"), Direction::Ingress, {model::CidrPeer{cidr("::/0"), {}}});
  const Compiled compiled(builder.cluster);
  EXPECT_EQ(compiled.into("fd00::1", "2001:db8::1", 1), "allow NetworkPolicy/db/p/ingress/0");
  EXPECT_EQ(compiled.into("fd00::1", "fd00::2", 1), "allow NetworkPolicy/db/p/ingress/0");
  EXPECT_EQ(compiled.into("10.0.0.1", "8.8.8.8", 1), "deny default/isolated");
  EXPECT_EQ(compiled.into("10.0.0.1", "10.0.0.2", 1), "deny default/isolated");

  auto other = database();
  other.pod("db", "v6", "fd00::2");
  allow(other.policy("db", "p"), Direction::Ingress, {model::CidrPeer{cidr("0.0.0.0/0"), {}}});
  const Compiled four(other.cluster);
  EXPECT_EQ(four.into("10.0.0.1", "10.0.0.2", 1), "allow NetworkPolicy/db/p/ingress/0");
  EXPECT_EQ(four.into("fd00::2", "2001:db8::1", 1), "deny default/isolated");
}

TEST(Compile, AppliesExceptToPodAndOutsideAddresses) {
  auto builder = database();
  allow(builder.policy("db", "p", "db"), Direction::Ingress,
        {model::CidrPeer{cidr("0.0.0.0/0"), {cidr("10.0.1.0/24"), cidr("8.8.8.0/24")}}});
  const Compiled compiled(builder.cluster);
  EXPECT_EQ(compiled.into("10.0.0.1", "10.0.0.2", 1), "allow NetworkPolicy/db/p/ingress/0");
  EXPECT_EQ(compiled.into("10.0.0.1", "10.0.1.1", 1), "deny default/isolated");
  EXPECT_EQ(compiled.into("10.0.0.1", "8.8.8.8", 1), "deny default/isolated");
  EXPECT_EQ(compiled.into("10.0.0.1", "8.8.9.8", 1), "allow NetworkPolicy/db/p/ingress/0");
}

TEST(Compile, ResolvesNamedPortsOnTheDestination) {
  auto builder = database();
  builder.pod("db", "db", "10.0.0.1", {{"app", "db"}}).ports = {{"sql", kTcp, 3306}};
  builder.pod("db", "web", "10.0.0.2", {{"app", "web"}}).ports = {{"sql", kTcp, 5432}};
  auto& policy = builder.policy("db", "p");
  policy.policy_types = {Direction::Ingress, Direction::Egress};
  allow(policy, Direction::Ingress, {}, {named("sql")});
  allow(policy, Direction::Egress, {}, {named("sql")});
  const Compiled compiled(builder.cluster);
  EXPECT_EQ(compiled.into("10.0.0.1", "8.8.8.8", 3306), "allow NetworkPolicy/db/p/ingress/0");
  EXPECT_EQ(compiled.into("10.0.0.1", "8.8.8.8", 5432), "deny default/isolated");
  EXPECT_EQ(compiled.out_of("10.0.0.1", "10.0.0.2", 5432), "allow NetworkPolicy/db/p/egress/0");
  EXPECT_EQ(compiled.out_of("10.0.0.1", "10.0.0.2", 3306), "deny default/isolated");
  EXPECT_EQ(compiled.out_of("10.0.0.1", "8.8.8.8", 5432), "deny default/isolated");
}

TEST(Compile, CountsButDoesNotEnforceStagedPolicies) {
  auto builder = database();
  builder.policy("db", "trial", "db").staged = true;
  Numbers numbers;
  const auto table = *compile(builder.cluster, {}, Revision{1}, numbers);
  const auto view = *table::TableView::open(table.section_bytes());
  const auto first = table.addresses.begin();
  const table::Query query{first->second.identity, std::next(first)->second.identity, 80, kTcp};
  table::Decision decision;
  table::lookup(view, Direction::Ingress, {&query, 1}, {&decision, 1});
  EXPECT_EQ(decision.verdict, Verdict::Allow);
  EXPECT_EQ(decision.staged_verdict, Verdict::Deny);
  const auto staged = std::ranges::find(table.slots, decision.staged_slot, &SlotInfo::slot);
  ASSERT_NE(staged, table.slots.end());
  EXPECT_EQ(staged->rule, "default/isolated");
  EXPECT_TRUE(staged->staged);
  table::lookup(view, Direction::Egress, {&query, 1}, {&decision, 1});
  EXPECT_EQ(decision.staged_slot, CounterSlot{0});
}

TEST(Compile, QuarantineLeavesOnlyTheForensicPeer) {
  auto builder = database();
  builder.pod("db", "web", "10.0.0.2", {{"app", "web"}}).quarantine =
      model::Quarantine{cidr("192.0.2.7/32"), "ann", "malware", ""};
  const Compiled compiled(builder.cluster);
  EXPECT_EQ(compiled.into("10.0.0.2", "192.0.2.7", 22), "allow default/quarantine");
  EXPECT_EQ(compiled.into("10.0.0.2", "192.0.2.8", 22), "deny default/quarantine");
  EXPECT_EQ(compiled.out_of("10.0.0.2", "10.0.0.1", 22), "deny default/quarantine");
  EXPECT_EQ(compiled.answer(Direction::Ingress, compiled.identity("10.0.0.2"), kOwnNodeIdentity,
                            kTcp, 80),
            "deny default/quarantine");
  EXPECT_EQ(compiled.into("10.0.0.1", "10.0.1.1", 22), "allow default/node");
}

TEST(Compile, OwnNodeReachesIsolatedPods) {
  auto builder = database();
  builder.policy("db", "closed");
  const Compiled compiled(builder.cluster);
  const IdentityId db = compiled.identity("10.0.0.1");
  EXPECT_EQ(compiled.answer(Direction::Ingress, db, kOwnNodeIdentity, kTcp, 80),
            "allow default/own-node");
  EXPECT_EQ(compiled.answer(Direction::Ingress, db, kWorldIdentity, kTcp, 80),
            "deny default/isolated");
}

TEST(Compile, DefaultDenyKeepsDnsOpenUntilAPolicyCloses) {
  auto builder = database();
  builder.cluster.settings.default_verdict = Verdict::Deny;
  builder.cluster.settings.exempt = {"other"};
  builder.cluster.settings.dns_addresses = {ip("10.96.0.10")};
  builder.cluster.settings.pod_cidrs = {cidr("10.0.0.0/16")};
  builder.policy("db", "closed", "web").policy_types = {Direction::Egress};
  const Compiled compiled(builder.cluster);
  EXPECT_EQ(compiled.out_of("10.0.0.1", "10.96.0.10", 53, kUdp), "allow default/dns");
  EXPECT_EQ(compiled.out_of("10.0.0.1", "10.96.0.10", 54, kUdp), "deny default/node");
  EXPECT_EQ(compiled.out_of("10.0.0.1", "10.96.0.11", 53, kUdp), "deny default/node");
  EXPECT_EQ(compiled.out_of("10.0.0.2", "10.96.0.10", 53, kUdp), "deny default/isolated");
  EXPECT_EQ(compiled.out_of("10.0.1.1", "10.96.0.11", 53, kUdp), "allow default/node");
}

TEST(Compile, DefaultDenyLetsEveryPodReachDnsPods) {
  auto builder = database();
  builder.cluster.settings.default_verdict = Verdict::Deny;
  builder.cluster.settings.dns_namespace = "db";
  builder.cluster.settings.dns_pods = app("db");
  const Compiled open(builder.cluster);
  EXPECT_EQ(open.into("10.0.0.1", "10.0.1.1", 53, kUdp), "allow default/dns");
  EXPECT_EQ(open.into("10.0.0.1", "10.0.1.1", 54, kUdp), "deny default/node");
  EXPECT_EQ(open.into("10.0.0.1", "8.8.8.8", 53, kUdp), "deny default/node");
  EXPECT_EQ(open.into("10.0.0.2", "10.0.1.1", 53, kUdp), "deny default/node");
  builder.policy("db", "closed", "db");
  const Compiled closed(builder.cluster);
  EXPECT_EQ(closed.into("10.0.0.1", "10.0.1.1", 53, kUdp), "deny default/isolated");
}

TEST(Compile, TiersDecideInOrder) {
  auto builder = database();
  auto add = [&](const std::string& name, model::Tier tier, int priority,
                 std::vector<model::Rule> rules) {
    auto made = std::make_shared<model::Policy>();
    made->name = name;
    made->kind = model::PolicyKind::ClusterNetworkPolicy;
    made->tier = tier;
    made->priority = priority;
    made->rules[1] = std::move(rules);
    builder.cluster.policies[made->id()] = made;
  };
  using model::RuleAction;
  add("late", model::Tier::Admin, 9, {{"0", RuleAction::Accept, {}, {tcp(1, 100)}}});
  add("early", model::Tier::Admin, 1,
      {{"0", RuleAction::Deny, {}, {tcp(10)}}, {"1", RuleAction::Pass, {}, {tcp(20, 29)}}});
  add("base", model::Tier::Baseline, 0, {{"0", RuleAction::Deny, {}, {tcp(20, 300)}}});
  const Compiled compiled(builder.cluster);
  const auto into = [&](std::uint16_t port) { return compiled.into("10.0.0.1", "8.8.8.8", port); };
  EXPECT_EQ(into(10), "deny ClusterNetworkPolicy/early/ingress/0");
  EXPECT_EQ(into(11), "allow ClusterNetworkPolicy/late/ingress/0");
  EXPECT_EQ(into(25), "deny ClusterNetworkPolicy/base/ingress/0");
  EXPECT_EQ(into(300), "deny ClusterNetworkPolicy/base/ingress/0");
  EXPECT_EQ(into(301), "allow default/node");
  builder.policy("db", "isolate", "db");
  const Compiled isolated(builder.cluster);
  EXPECT_EQ(isolated.into("10.0.0.1", "8.8.8.8", 25), "deny default/isolated");
  EXPECT_EQ(isolated.into("10.0.0.1", "8.8.8.8", 11), "allow ClusterNetworkPolicy/late/ingress/0");
}

TEST(Compile, AnswersOnlyForLocalSubjects) {
  auto builder = database();
  const Compiled compiled(builder.cluster, std::set{model::PodKey{"db", "db"}});
  EXPECT_EQ(compiled.into("10.0.0.1", "10.0.1.1", 1), "allow default/node");
  EXPECT_EQ(compiled.into("10.0.1.1", "10.0.0.1", 1), "deny ");
}

TEST(Compile, FinishedAndHostNetworkPodsAreNoPods) {
  auto builder = database();
  builder.pod("db", "web", "10.0.0.2", {{"app", "web"}}).finished = true;
  builder.pod("db", "agent", "192.0.2.1", {{"app", "web"}}).host_network = true;
  allow(builder.policy("db", "p", "db"), Direction::Ingress, {pods(app("web"))});
  const Compiled compiled(builder.cluster);
  EXPECT_EQ(compiled.into("10.0.0.1", "10.0.0.2", 1), "deny ");
  EXPECT_EQ(compiled.into("10.0.0.1", "192.0.2.1", 1), "deny default/isolated");
}

TEST(Compile, AnAddressThatTwoDifferentPodsClaimIsUnknown) {
  auto builder = database();
  builder.pod("other", "twin", "10.0.0.2");
  const Compiled compiled(builder.cluster);
  EXPECT_EQ(compiled.identity("10.0.0.2"), kUnknownIdentity);
  EXPECT_EQ(compiled.into("10.0.0.1", "10.0.0.2", 1), "deny ");
}

TEST(Compile, AnswersARetiredIdentityLikeItsSuccessor) {
  auto builder = database();
  allow(builder.policy("db", "p", "db"), Direction::Ingress, {pods(app("web"))}, {tcp(3306)});
  Numbers numbers;
  const auto plain = *compile(builder.cluster, {}, Revision{1}, numbers);
  const IdentityId db = plain.addresses.begin()->second.identity;
  const IdentityId web = std::next(plain.addresses.begin())->second.identity;
  const IdentityId retired{900};
  const auto verdict = [&](std::vector<Alias> aliases, IdentityId peer) {
    const auto table = *compile(builder.cluster, {}, Revision{1}, numbers, aliases);
    const auto view = *table::TableView::open(table.section_bytes());
    const table::Query query{db, peer, 3306, kTcp};
    table::Decision decision;
    table::lookup(view, Direction::Ingress, {&query, 1}, {&decision, 1});
    return decision.verdict;
  };
  EXPECT_EQ(verdict({{retired, web}}, retired), Verdict::Allow);
  EXPECT_EQ(verdict({}, retired), Verdict::Deny);
  EXPECT_EQ(verdict({{retired, db}}, retired), Verdict::Deny);
  EXPECT_EQ(verdict({{web, db}}, web), Verdict::Allow) << "the table knows web itself";
  EXPECT_FALSE(
      compile(builder.cluster, {}, Revision{1}, numbers, std::array{Alias{kOwnNodeIdentity, web}}));
}

TEST(Compile, NamesTheKeysItHolds) {
  auto builder = database();
  allow(builder.policy("db", "p", "db"), Direction::Ingress, {pods(app("web"))}, {tcp(3306)});
  Numbers numbers;
  const auto table = *compile(builder.cluster, {}, Revision{1}, numbers);
  ASSERT_EQ(table.identity_keys.size(), numbers.identities().size());
  ASSERT_EQ(table.slot_keys.size(), table.slots.size());
  for (const auto& [id, key] : table.identity_keys) {
    EXPECT_EQ(numbers.identities().at(*key), id.value);
  }
  for (const auto& key : table.slot_keys) EXPECT_TRUE(numbers.slots().contains(key));
}

TEST(Compile, SameNumbersGiveSameBytes) {
  auto builder = database();
  allow(builder.policy("db", "p", "db"), Direction::Ingress, {pods(app("web"))}, {tcp(3306)});
  Numbers numbers;
  const auto first = *compile(builder.cluster, {}, Revision{1}, numbers);
  const auto again = *compile(builder.cluster, {}, Revision{1}, numbers);
  ASSERT_EQ(first.sections.size(), again.sections.size());
  for (std::size_t i = 0; i < first.sections.size(); ++i) {
    EXPECT_EQ(first.sections[i].bytes, again.sections[i].bytes);
  }
}

// What was resolved for a policy that is gone must not come back with nodes that are gone.
// Each block is nearly everything, so that their lists grow with the square of their number.
TEST(Compile, RefusesPeersBeyondTheirLimitAndNamesIt) {
  auto builder = database();
  auto& policy = builder.policy("db", "p", "db");
  for (std::uint32_t i = 0; i < 5900; ++i) {
    const auto hole = Prefix::host(
        IpAddress::v4(192, 0, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)));
    allow(policy, Direction::Ingress, {model::CidrPeer{cidr("0.0.0.0/0"), {hole}}}, {});
  }
  Numbers numbers;
  const auto table = compile(builder.cluster, {}, Revision{1}, numbers);
  ASSERT_FALSE(table);
  EXPECT_THAT(table.error().text(), ::testing::HasSubstr("the limit of 33554432 identities"));
}

// The table that was compiled last need not be the one in force: Numbers may take back what only
// the former names, counter slots as well as identities.
// What the policies named before an edit counts against the limit of what they name after it: what
// a new Compiler takes, one that has followed the cluster refuses.
}  // namespace
}  // namespace bulkhead::compile
