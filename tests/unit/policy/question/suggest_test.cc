// SPDX-License-Identifier: Apache-2.0
#include "policy/question/suggest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "policy/question/judge.h"
#include "policy/question/workload.h"
#include "tests/unit/policy/oracle/builders.h"

namespace bulkhead::question {
namespace {

using oracle::cluster_of;
using oracle::ip;
using oracle::policy;
using oracle::prefix;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct PodOf {
  std::string space, name, labels;
  int number;  // 10.0.0.N and fd00::N
};

std::string pods(const std::vector<PodOf>& all) {
  std::string text;
  for (const auto& pod : all) {
    text += fmt::format(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {}, namespace: {}, labels: {{{}}}}}\n"
        "spec: {{containers: [{{name: c}}]}}\n"
        "status: {{podIPs: [{{ip: 10.0.0.{}}}, {{ip: 'fd00::{}'}}]}}\n---\n",
        pod.name, pod.space, pod.labels, pod.number, pod.number);
  }
  return text;
}

// shop: web (two replicas of one release), web with a canary label, one pod without labels;
// data: db; stray: box.
std::string shop() {
  return pods({{"shop", "web-1", "app: web, pod-template-hash: aa", 1},
               {"shop", "web-2", "app: web, pod-template-hash: bb", 2},
               {"shop", "canary", "app: web, track: canary", 3},
               {"shop", "bare", "", 4},
               {"data", "db", "app: db", 5},
               {"stray", "box", "app: box", 6}});
}

SeenEnd pod_end(const std::string& space, const std::string& name, const char* address) {
  return {{space, name}, ip(address)};
}
SeenEnd outside(const char* address) { return {{}, ip(address)}; }
SeenFlow seen(SeenEnd from, SeenEnd to, std::uint16_t port, std::uint8_t protocol = kTcp,
              Verdict verdict = Verdict::Allow) {
  return {std::move(from), std::move(to), protocol, port, verdict, {}};
}
const SeenEnd kWeb1 = pod_end("shop", "web-1", "10.0.0.1");
const SeenEnd kBare = pod_end("shop", "bare", "10.0.0.4");
const SeenEnd kDb = pod_end("data", "db", "10.0.0.5");
const SeenEnd kBox = pod_end("stray", "box", "10.0.0.6");

Suggestion suggested(const model::Cluster& cluster, const std::vector<SeenFlow>& flows,
                     const SuggestOptions& options = {}) {
  auto made = suggest(cluster, flows, options);
  if (!made) throw std::runtime_error(made.error().text());
  return std::move(*made);
}

// The cluster with the suggestion in force, by its YAML.
model::Cluster applied(const std::string& inventory, const Suggestion& suggestion) {
  return cluster_of(inventory + to_yaml(suggestion));
}

Verdict verdict(const model::Cluster& cluster, const std::string& from, const std::string& to,
                std::uint16_t port, Family family, std::uint8_t protocol = kTcp) {
  return OracleJudge(cluster)
      .judge(find_end(cluster, from, family).value(), find_end(cluster, to, family).value(),
             {protocol, port})
      .verdict();
}

TEST(Suggest, AllowsWhatWasSeenInBothFamiliesAndNothingElse) {
  const auto cluster = cluster_of(shop());
  const auto after = applied(shop(), suggested(cluster, {seen(kWeb1, kDb, 5432)}));
  for (const auto family : {Family::V4, Family::V6}) {
    // A replica is as good as the pod that was seen; a canary has other labels.
    EXPECT_EQ(verdict(after, "shop/web-1", "data/db", 5432, family), Verdict::Allow);
    EXPECT_EQ(verdict(after, "shop/web-2", "data/db", 5432, family), Verdict::Allow);
    EXPECT_EQ(verdict(after, "shop/canary", "data/db", 5432, family), Verdict::Deny);
    EXPECT_EQ(verdict(after, "shop/bare", "data/db", 5432, family), Verdict::Deny);
    EXPECT_EQ(verdict(after, "shop/web-1", "data/db", 5433, family), Verdict::Deny);
    EXPECT_EQ(verdict(after, "shop/web-1", "data/db", 5432, family, kUdp), Verdict::Deny);
    EXPECT_EQ(verdict(after, "data/db", "shop/web-1", 5432, family), Verdict::Deny);
    EXPECT_EQ(verdict(after, "shop/web-1", "shop/web-2", 5432, family), Verdict::Deny);
    EXPECT_EQ(verdict(after, "stray/box", "data/db", 5432, family), Verdict::Deny);
  }
  // Nothing was seen of this namespace: it stays as it is.
  EXPECT_EQ(verdict(after, "203.0.113.1", "stray/box", 1, Family::V4), Verdict::Allow);
}

TEST(Suggest, TellsAWorkloadWithFewerLabelsFromOneWithMore) {
  const auto cluster = cluster_of(shop());
  const auto after = applied(shop(), suggested(cluster, {seen(kBare, kDb, 1)}));
  EXPECT_EQ(verdict(after, "shop/bare", "data/db", 1, Family::V4), Verdict::Allow);
  for (const char* other : {"shop/web-1", "shop/web-2", "shop/canary"}) {
    EXPECT_EQ(verdict(after, other, "data/db", 1, Family::V4), Verdict::Deny) << other;
  }
}

TEST(Suggest, NamesOutsideAddressesExactlyUnlessAskedToWiden) {
  const auto cluster = cluster_of(shop());
  const std::vector<SeenFlow> flows = {
      seen(outside("203.0.113.8"), kDb, 443), seen(outside("203.0.113.9"), kDb, 443),
      seen(outside("2001:db8::1"), pod_end("data", "db", "fd00::5"), 443)};
  const auto exact = applied(shop(), suggested(cluster, flows));
  EXPECT_EQ(verdict(exact, "203.0.113.9", "data/db", 443, Family::V4), Verdict::Allow);
  EXPECT_EQ(verdict(exact, "203.0.113.10", "data/db", 443, Family::V4), Verdict::Deny);
  EXPECT_EQ(verdict(exact, "2001:db8::1", "data/db", 443, Family::V6), Verdict::Allow);
  EXPECT_EQ(verdict(exact, "2001:db8::2", "data/db", 443, Family::V6), Verdict::Deny);
  EXPECT_EQ(verdict(exact, "data/db", "203.0.113.9", 443, Family::V4), Verdict::Deny);
  // Two neighbours are one block.
  EXPECT_THAT(to_yaml(suggested(cluster, flows)), HasSubstr("\"203.0.113.8/31\""));

  SuggestOptions wide;
  wide.length_v4 = 24;
  const auto widened = applied(shop(), suggested(cluster, flows, wide));
  EXPECT_EQ(verdict(widened, "203.0.113.10", "data/db", 443, Family::V4), Verdict::Allow);
  EXPECT_EQ(verdict(widened, "203.0.114.10", "data/db", 443, Family::V4), Verdict::Deny);
}

TEST(Suggest, NeverWidensABlockOverPods) {
  const auto cluster = cluster_of(shop());
  SuggestOptions wide;
  wide.length_v4 = 24;  // 10.0.0.0/24 holds the pods
  const auto made = suggested(cluster, {seen(outside("10.0.0.200"), kDb, 443)}, wide);
  const auto after = applied(shop(), made);
  EXPECT_EQ(verdict(after, "10.0.0.200", "data/db", 443, Family::V4), Verdict::Allow);
  EXPECT_EQ(verdict(after, "stray/box", "data/db", 443, Family::V4), Verdict::Deny);
}

TEST(Suggest, ReplacesThePoliciesThatWouldUnite) {
  const std::string open = policy("{ingress: [{}]}", "open", "data");
  const auto cluster = cluster_of(shop() + open);
  const auto made = suggested(cluster, {seen(kWeb1, kDb, 5432)});
  EXPECT_THAT(made.replaces, ElementsAre("NetworkPolicy/data/open"));
  EXPECT_EQ(verdict(applied(shop(), made), "stray/box", "data/db", 1, Family::V4), Verdict::Deny);
  // The report tells what that denies.
  EXPECT_THAT(report_text(made), HasSubstr("NetworkPolicy/data/open/ingress/0"));
}

TEST(Suggest, LeavesOutWhatItCannotAllowAndSaysWhy) {
  const auto cluster = cluster_of(shop());
  SeenFlow probe = seen(outside("192.0.2.1"), kDb, 80);
  probe.rule = model::kRuleOwnNode;
  const auto made = suggested(
      cluster,
      {seen(kWeb1, kDb, 5432), seen(kWeb1, kDb, 0, kIcmp), seen(kBox, kDb, 22, kTcp, Verdict::Deny),
       seen(pod_end("shop", "gone", "10.0.0.9"), kDb, 1), seen(outside("10.0.0.4"), kDb, 1),
       seen(outside("203.0.113.1"), outside("203.0.113.2"), 1), probe});
  std::vector<std::string> why;
  for (const auto& left : made.left_out) why.push_back(left.from + ": " + left.why);
  EXPECT_THAT(why, ElementsAre(HasSubstr("10.0.0.4: 10.0.0.4 is shop/bare today"),
                               HasSubstr("neither end"), HasSubstr("shop/gone is no live pod"),
                               HasSubstr("shop/web-1: a NetworkPolicy can name ports"),
                               HasSubstr("stray/box: it was denied")));
  EXPECT_EQ(made.records, 7u);
  EXPECT_EQ(made.allowed, 2u);
  EXPECT_THAT(made.unseen, ElementsAre("shop/pods", "shop/web-2"));
}

TEST(Suggest, AllowsWhatWasDeniedWhenAsked) {
  const auto cluster = cluster_of(shop());
  SuggestOptions options;
  options.with_denied = true;
  const std::vector<SeenFlow> flows = {seen(kBox, kDb, 22, kTcp, Verdict::Deny)};
  EXPECT_EQ(verdict(applied(shop(), suggested(cluster, flows, options)), "stray/box", "data/db", 22,
                    Family::V4),
            Verdict::Allow);
  const auto nothing = suggest(cluster, flows, {});
  ASSERT_FALSE(nothing);
  EXPECT_THAT(nothing.error().message, HasSubstr("it was denied when it was recorded"));
}

TEST(Suggest, TellsWhenATierAboveWouldStillDeny) {
  const std::string admin =
      "---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n"
      "metadata: {name: no-ssh}\nspec:\n  tier: Admin\n  priority: 1\n"
      "  subject: {namespaces: {}}\n"
      "  ingress: [{action: Deny, from: [{namespaces: {}}]}]\n";
  const auto cluster = cluster_of(shop() + admin);
  const auto made = suggested(cluster, {seen(kWeb1, kDb, 22)});
  EXPECT_EQ(made.allowed, 0u);
  ASSERT_EQ(made.left_out.size(), 1u);
  EXPECT_THAT(made.left_out[0].why,
              HasSubstr("ClusterNetworkPolicy/no-ssh/ingress/0 would still deny it"));
}

TEST(Suggest, WritesForTheChosenNamespacesOnly) {
  SuggestOptions options;
  options.namespaces = {"data"};
  const auto made = suggested(cluster_of(shop()), {seen(kWeb1, kDb, 5432)}, options);
  ASSERT_EQ(made.policies.size(), 1u);
  EXPECT_EQ(made.policies[0].id(), "NetworkPolicy/data/suggested-db");
  model::Settings settings;
  settings.exempt = {"data"};
  for (const auto& one : suggested(cluster_of(shop(), settings), {seen(kWeb1, kDb, 1)}).policies) {
    EXPECT_EQ(one.namespace_name, "shop");
  }
}

TEST(Suggest, DoesNotDependOnTheOrderOfRecords) {
  const auto cluster = cluster_of(shop());
  std::vector<SeenFlow> flows = {seen(kWeb1, kDb, 81), seen(kWeb1, kDb, 80), seen(kBox, kDb, 80),
                                 seen(kBare, kDb, 80, kUdp), seen(outside("203.0.113.1"), kDb, 7)};
  const auto first = suggested(cluster, flows);
  std::reverse(flows.begin(), flows.end());
  EXPECT_EQ(to_json(first), to_json(suggested(cluster, flows)));
  EXPECT_THAT(to_yaml(first), HasSubstr("port: 80\n      endPort: 81"));
}

TEST(Suggest, FindsTheTemplateOfAPodByItsName) {
  const char* deployment =
      "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n"
      "spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c}]}}}\n---\n";
  const auto cluster = cluster_of(deployment + pods({{"data", "db", "app: db", 5}}));
  const Workloads workloads(cluster);
  EXPECT_TRUE(workloads.find({"shop", "web-6d4cf56db6-x2x9k"}).has_value());
  for (const char* other :
       {"web-x2x9k", "web-api-6d4cf56db6-x2x9k", "web", "webs", "web-6D-x2x9k"}) {
    EXPECT_EQ(workloads.find({"shop", other}).has_value(), std::string(other) == "web") << other;
  }
  EXPECT_FALSE(workloads.find({"data", "web-6d4cf56db6-x2x9k"}).has_value());
}

TEST(Suggest, WritesYamlThatSaysWhatTheJsonSays) {
  const std::string odd = pods({{"shop", "odd", "app: 'true', on: '1e3', x: ''", 1}});
  const auto made = suggested(
      cluster_of(odd), {seen(outside("2001:db8::1"), pod_end("shop", "odd", "fd00::1"), 80)});
  const auto after = applied(odd, made);
  EXPECT_EQ(verdict(after, "2001:db8::1", "shop/odd", 80, Family::V6), Verdict::Allow);
  EXPECT_EQ(verdict(after, "2001:db8::1", "shop/odd", 81, Family::V6), Verdict::Deny);
  const auto json = nlohmann::json::parse(to_json(made));
  EXPECT_EQ(json["policies"][0]["spec"]["podSelector"]["matchLabels"]["on"], "1e3");
}

// Random clusters and logs: what is in force allows a pair of pods and a port exactly when a
// recorded flow joined their workloads on it.
TEST(Suggest, IsExactOnRandomClusters) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const auto any = [&](std::size_t below) { return static_cast<std::size_t>(random()) % below; };
  constexpr std::array<std::uint16_t, 4> kPorts = {79, 80, 81, 443};
  for (int round = 0; round < 30; ++round) {
    std::vector<PodOf> all;
    for (int i = 0; i < 7; ++i) {
      std::vector<std::string> labels;
      for (const char* key : {"app", "tier", "track"}) {
        if (any(2) != 0) labels.push_back(fmt::format("{}: v{}", key, any(2)));
      }
      all.push_back({fmt::format("n{}", any(2)), fmt::format("p{}", i),
                     fmt::format("{}", fmt::join(labels, ", ")), i + 1});
    }
    const std::string inventory = pods(all);
    const auto cluster = cluster_of(inventory);
    const Workloads workloads(cluster);
    std::vector<SeenFlow> flows;
    std::set<std::tuple<std::size_t, std::size_t, std::uint8_t, std::uint16_t>> wanted;
    std::set<std::string> spaces;
    for (int i = 0; i < 6; ++i) {
      const auto& from = all[any(all.size())];
      const auto& to = all[any(all.size())];
      if (from.name == to.name) continue;
      const std::uint8_t protocol = any(2) != 0 ? kTcp : kUdp;
      const auto port = kPorts[any(kPorts.size())];
      flows.push_back(seen({{from.space, from.name}, ip(fmt::format("fd00::{}", from.number))},
                           {{to.space, to.name}, ip(fmt::format("fd00::{}", to.number))}, port,
                           protocol));
      wanted.insert({*workloads.find({from.space, from.name}), *workloads.find({to.space, to.name}),
                     protocol, port});
      spaces.insert({from.space, to.space});
    }
    if (flows.empty()) continue;
    const auto made = suggested(cluster, flows);
    EXPECT_THAT(made.left_out, IsEmpty());
    const auto after = applied(inventory, made);
    for (const auto& from : all) {
      for (const auto& to : all) {
        const bool is_asked =
            from.name != to.name && spaces.contains(from.space) && spaces.contains(to.space);
        if (!is_asked) continue;
        for (const auto protocol : {kTcp, kUdp}) {
          for (const auto port : kPorts) {
            const bool is_wanted =
                wanted.contains({*workloads.find({from.space, from.name}),
                                 *workloads.find({to.space, to.name}), protocol, port});
            for (const auto family : {Family::V4, Family::V6}) {
              ASSERT_EQ(verdict(after, from.space + "/" + from.name, to.space + "/" + to.name, port,
                                family, protocol),
                        is_wanted ? Verdict::Allow : Verdict::Deny)
                  << from.name << " -> " << to.name << " " << port << "\n"
                  << to_yaml(made);
            }
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace bulkhead::question
