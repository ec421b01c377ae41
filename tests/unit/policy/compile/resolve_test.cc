// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/resolve.h"

#include <gmock/gmock.h>

#include "policy/compile/policy_index.h"
#include "tests/unit/policy/compile/cluster_builder.h"

namespace bulkhead::compile {
namespace {

using namespace bulkhead::testing;
using model::LabelSelector;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// Resolves peers and tells who is in them: addresses of pods, prefixes of outside identities.
class Resolved {
 public:
  explicit Resolved(model::Cluster cluster)
      : cluster_(std::move(cluster)), identities_(cluster_.settings) {
    const auto prefixes = PolicyIndex().follow({}, cluster_);
    EXPECT_TRUE(identities_.follow({}, cluster_, prefixes.come, prefixes.gone, numbers_));
  }

  [[nodiscard]] std::vector<std::string> in(const model::Peer& peer,
                                            const std::string& own_namespace = "") {
    return names(resolver_.set_of(peer, own_namespace));
  }
  [[nodiscard]] std::vector<std::string> names(std::uint32_t set) const {
    std::vector<std::string> found;
    for (const std::uint32_t id : resolver_.sets()[set]) {
      const Identity& identity = identities_.all()[id];
      if (identity.group != kNoGroup) {
        for (const auto& [address, entry] : identities_.addresses()) {
          if (entry.identity.value == id) found.push_back(address.text());
        }
      } else {
        found.push_back(identity.region == kNoRegion
                            ? "world"
                            : identities_.regions().prefix(identity.region).text());
      }
    }
    return found;
  }
  [[nodiscard]] Resolver& resolver() { return resolver_; }

  // The cluster's next version; what was resolved before follows.
  void become(model::Cluster next) {
    const auto change = identities_.follow(cluster_, next, {}, {}, numbers_);
    ASSERT_TRUE(change);
    cluster_ = std::move(next);
    resolver_.follow(*change);
  }

 private:
  model::Cluster cluster_;
  Numbers numbers_;
  Identities identities_;
  Resolver resolver_{cluster_, identities_};
};

ClusterBuilder three_pods() {
  ClusterBuilder builder;
  builder.cluster.settings.pod_cidrs = {cidr("10.0.0.0/8")};
  builder.ns("a").labels.emplace("team", "red");
  builder.ns("b").labels.emplace("team", "blue");
  builder.pod("a", "web", "10.0.0.1", {{"app", "web"}});
  builder.pod("a", "db", "10.0.0.2", {{"app", "db"}});
  builder.pod("b", "web", "10.0.0.3", {{"app", "web"}});
  return builder;
}

// A policy that names these blocks, so that they cut the address space.
void name_blocks(ClusterBuilder& builder, const model::CidrPeer& peer) {
  allow(builder.policy("a", "blocks"), Direction::Egress, {peer});
}

TEST(Resolver, ReadsAMissingNamespaceSelectorAsThePolicysOwn) {
  Resolved resolved(three_pods().cluster);
  EXPECT_THAT(resolved.in(pods(app("web")), "a"), UnorderedElementsAre("10.0.0.1"));
  EXPECT_THAT(resolved.in(pods(app("web")), "b"), UnorderedElementsAre("10.0.0.3"));
  EXPECT_THAT(resolved.in(pods(app("web"))), UnorderedElementsAre("10.0.0.1", "10.0.0.3"));
}

TEST(Resolver, ReadsAnEmptySelectorAsAllPodsAndNobodyElse) {
  Resolved resolved(three_pods().cluster);
  EXPECT_THAT(resolved.in(model::PodPeer{LabelSelector{}, std::nullopt}, "a"),
              UnorderedElementsAre("10.0.0.1", "10.0.0.2", "10.0.0.3"));
}

TEST(Resolver, WantsNamespaceAndPodToMatch) {
  Resolved resolved(three_pods().cluster);
  const LabelSelector blue{.match_labels = {{"team", "blue"}}, .match_expressions = {}};
  EXPECT_THAT(resolved.in(model::PodPeer{blue, app("web")}, "a"), UnorderedElementsAre("10.0.0.3"));
  EXPECT_THAT(resolved.in(model::PodPeer{blue, app("db")}, "a"), IsEmpty());
}

TEST(Resolver, HoldsNotInWhereTheKeyIsAbsent) {
  auto builder = three_pods();
  builder.pod("a", "bare", "10.0.0.4");
  Resolved resolved(builder.cluster);
  const LabelSelector not_web{
      .match_labels = {}, .match_expressions = {{"app", LabelSelector::Operator::NotIn, {"web"}}}};
  EXPECT_THAT(resolved.in(pods(not_web), "a"), UnorderedElementsAre("10.0.0.4", "10.0.0.2"));
}

// More namespaces than are walked one by one: the label index is asked.
TEST(Resolver, FindsTheSameThroughTheLabelIndex) {
  ClusterBuilder builder;
  for (int i = 0; i < 50; ++i) {
    const auto space = fmt::format("ns{:02}", i);
    builder.ns(space).labels.emplace("team", i % 2 == 0 ? "red" : "blue");
    builder.pod(space, "web", fmt::format("10.0.0.{}", i + 1), {{"app", i == 7 ? "db" : "web"}});
  }
  Resolved resolved(builder.cluster);
  const LabelSelector blue{.match_labels = {{"team", "blue"}}, .match_expressions = {}};
  EXPECT_THAT(resolved.in(model::PodPeer{blue, app("db")}), UnorderedElementsAre("10.0.0.8"));
  EXPECT_EQ(resolved.in(model::PodPeer{LabelSelector{}, app("web")}).size(), 49u);
  EXPECT_THAT(resolved.in(model::PodPeer{LabelSelector{}, app("nobody")}), IsEmpty());
}

TEST(Resolver, LetsAServiceAccountAnswerForItsLabelEvenThroughTheIndex) {
  ClusterBuilder builder;
  for (int i = 0; i < 50; ++i) {
    auto& pod = builder.pod(fmt::format("ns{:02}", i), "p", fmt::format("10.0.0.{}", i + 1));
    pod.labels.emplace(model::kServiceAccountLabel, "admin");  // what a user pretends
    pod.service_account = i == 3 ? "admin" : "guest";
  }
  Resolved resolved(builder.cluster);
  const LabelSelector admin{.match_labels = {{model::kServiceAccountLabel, "admin"}},
                            .match_expressions = {}};
  EXPECT_THAT(resolved.in(model::PodPeer{LabelSelector{}, admin}),
              UnorderedElementsAre("10.0.0.4"));
}

TEST(Resolver, CountsPodsInABlockAndNotThoseInItsExcept) {
  auto builder = three_pods();
  const model::CidrPeer peer{cidr("10.0.0.0/30"), {cidr("10.0.0.2/32")}};
  name_blocks(builder, peer);
  Resolved resolved(builder.cluster);
  // No outside identity: the whole block belongs to pods.
  EXPECT_THAT(resolved.in(peer), UnorderedElementsAre("10.0.0.3", "10.0.0.1"));
}

TEST(Resolver, KeepsTheWorldOutsideThePodCidrs) {
  auto builder = three_pods();
  name_blocks(builder, {cidr("192.0.2.0/24"), {}});
  Resolved resolved(builder.cluster);
  EXPECT_THAT(resolved.in(model::WorldPeer{}), UnorderedElementsAre("world", "192.0.2.0/24"));
}

TEST(Resolver, FindsTheDnsByAddressAndByPod) {
  auto builder = three_pods();
  builder.cluster.settings.dns_addresses = {ip("10.0.0.2"), ip("192.0.2.53")};
  builder.cluster.settings.dns_namespace = "b";
  Resolved resolved(builder.cluster);
  EXPECT_THAT(resolved.in(model::DnsPeer{}),
              UnorderedElementsAre("10.0.0.2", "10.0.0.3", "192.0.2.53/32"));
}

TEST(Resolver, FindsNobodyInAPeerItCannotEnforce) {
  Resolved resolved(three_pods().cluster);
  EXPECT_THAT(resolved.in(model::UnsupportedPeer{"domainNames"}), IsEmpty());
}

TEST(Resolver, FollowsPodsThatComeAndGo) {
  auto builder = three_pods();
  Resolved resolved(builder.cluster);
  const model::PodPeer everywhere{LabelSelector{}, app("web")};
  const auto web = resolved.resolver().set_of(everywhere, "a");
  const auto all = resolved.resolver().set_of_all_pods();
  builder.pod("b", "new", "10.0.0.9", {{"app", "web"}, {"version", "2"}});
  resolved.become(builder.cluster);
  EXPECT_THAT(resolved.names(web), UnorderedElementsAre("10.0.0.1", "10.0.0.3", "10.0.0.9"));
  builder.cluster.pods.erase({"a", "web"});
  resolved.become(builder.cluster);
  EXPECT_THAT(resolved.names(web), UnorderedElementsAre("10.0.0.3", "10.0.0.9"));
  EXPECT_THAT(resolved.names(all), UnorderedElementsAre("10.0.0.2", "10.0.0.3", "10.0.0.9"));
}

TEST(Resolver, ResolvesEqualPeersOnceAndDifferentOnesApart) {
  auto builder = three_pods();
  Resolved resolved(builder.cluster);
  auto& resolver = resolved.resolver();
  EXPECT_EQ(resolver.set_of(pods(app("web")), "a"), resolver.set_of(pods(app("web")), "a"));
  EXPECT_NE(resolver.set_of(pods(app("web")), "a"), resolver.set_of(pods(app("web")), "b"));
  EXPECT_NE(resolver.set_of(pods(app("web")), "a"), resolver.set_of(pods(app("db")), "a"));
}

}  // namespace
}  // namespace bulkhead::compile
