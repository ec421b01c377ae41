// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <iostream>

#include "policy/verify/verifier.h"
#include "policy/verify/verify.h"
#include "tests/property/policy/broken_compile.h"
#include "tests/unit/policy/compile/cluster_builder.h"

namespace bulkhead {
namespace {

using testing::BrokenCompile;
using testing::cidr;
using testing::ip;
using verify::Verifier;

template <class Map, class Key>
auto& own_copy(Map& map, const Key& key) {
  using Object = std::remove_const_t<typename Map::mapped_type::element_type>;
  auto copy = std::make_shared<Object>(*map.at(key));
  map.at(key) = copy;
  return *copy;
}
model::Pod& add_pod(model::Cluster& cluster, const model::PodKey& like, const std::string& name,
                    int number) {
  auto made = std::make_shared<model::Pod>(*cluster.pods.at(like));
  made->key.name = name;
  made->ips = {ip(fmt::format("10.9.0.{}", number)), ip(fmt::format("fd00:9::{}", number))};
  cluster.pods.emplace(made->key, made);
  return *made;
}

// What may happen to a cluster between two versions. Each leaves alone what the ways to break a
// compile look for.
struct Edit {
  const char* what;
  std::function<void(model::Cluster&)> change;
  bool has_fewer_local_pods = false;
};
const model::PodKey kDb{"db", "db"};
const model::PodKey kRed{"web", "red"};
const model::PodKey kSpare{"db", "cache2"};
const std::string kTower = "tower";

std::vector<Edit> edits() {
  return {
      {"nothing", [](model::Cluster&) {}},
      {"a policy changes",
       [](model::Cluster& cluster) {
         auto& policy = own_copy(cluster.policies, std::string("NetworkPolicy/db/database"));
         policy.rules[1][0].ports.push_back(testing::tcp(4444));
       }},
      {"a policy of the whole cluster comes",
       [](model::Cluster& cluster) {
         auto made = std::make_shared<model::Policy>();
         made->kind = model::PolicyKind::ClusterNetworkPolicy;
         made->name = "late";
         made->tier = model::Tier::Baseline;
         made->priority = 7;
         made->subject_namespaces = model::LabelSelector{};
         made->rules[0].push_back({"0", model::RuleAction::Deny, {model::WorldPeer{}}, {}});
         cluster.policies.emplace(made->id(), made);
       }},
      {"a pod of a known kind comes",
       [](model::Cluster& cluster) { add_pod(cluster, kDb, "db9", 1); }},
      {"a pod of a new kind comes",
       [](model::Cluster& cluster) {
         add_pod(cluster, kDb, "new", 2).labels["app"] = "unheard-of";
       }},
      {"a pod goes", [](model::Cluster& cluster) { cluster.pods.erase(kSpare); }},
      {"a label changes",
       [](model::Cluster& cluster) { own_copy(cluster.pods, kSpare).labels["app"] = "db"; }},
      {"a service account comes",
       [](model::Cluster& cluster) {
         own_copy(cluster.pods, kSpare).service_account = "frontend";
       }},
      {"a named port changes",
       [](model::Cluster& cluster) { own_copy(cluster.pods, kDb).ports[0].port = 9300; }},
      {"a namespace's label changes",
       [](model::Cluster& cluster) {
         own_copy(cluster.namespaces, std::string("web")).labels["team"] = "blue";
       }},
      {"a namespace is closed",
       [](model::Cluster& cluster) {
         own_copy(cluster.namespaces, std::string("open")).default_deny = true;
       }},
      {"a namespace is staged",
       [](model::Cluster& cluster) {
         own_copy(cluster.namespaces, std::string("locked")).staged = true;
       }},
      {"a node comes",
       [](model::Cluster& cluster) {
         auto made = std::make_shared<model::Node>(*cluster.nodes.at(kTower));
         made->addresses = {ip("192.0.2.105"), ip("2001:db8:a::5")};
         cluster.nodes.emplace("river", made);
       }},
      {"a node goes", [](model::Cluster& cluster) { cluster.nodes.erase(kTower); }},
      {"a node's label changes",
       [](model::Cluster& cluster) {
         own_copy(cluster.nodes, kTower).labels["kubernetes.io/os"] = "windows";
       }},
      {"a node's address changes",
       [](model::Cluster& cluster) {
         own_copy(cluster.nodes, kTower).addresses = {ip("192.0.2.106"), ip("2001:db8:a::6")};
       }},
      {"prefixes are added",
       [](model::Cluster& cluster) {
         auto made = std::make_shared<model::Policy>();
         made->namespace_name = "db";
         made->name = "late";
         made->subject_pods = testing::app("db");
         testing::allow(
             *made, Direction::Ingress,
             {model::CidrPeer{cidr("198.51.0.0/16"), {cidr("198.51.9.0/24")}},
              model::CidrPeer{cidr("2001:db8:1::/48"), {}},
              model::CidrPeer{cidr("10.1.0.0/31"), {}}, model::CidrPeer{cidr("fd00:1::/126"), {}}},
             {testing::tcp(81)});
         cluster.policies.emplace(made->id(), made);
       }},
      {"a pod's addresses move",
       [](model::Cluster& cluster) {
         own_copy(cluster.pods, kSpare).ips = {ip("10.9.0.5"), ip("fd00:9::5")};
       }},
      {"addresses serve another pod",
       [](model::Cluster& cluster) {
         auto& old = own_copy(cluster.pods, kSpare);
         add_pod(cluster, kRed, "red9", 3).ips = std::exchange(old.ips, {ip("10.9.0.6")});
       }},
      {"two pods claim an address",
       [](model::Cluster& cluster) {
         add_pod(cluster, kRed, "red9", 3);
         add_pod(cluster, kDb, "db9", 3);
       }},
      {"a pod is quarantined",
       [](model::Cluster& cluster) {
         own_copy(cluster.pods, kSpare).quarantine.emplace().forensic_peer = cidr("fd00:1::1/128");
       }},
      {"the settings change",
       [](model::Cluster& cluster) { cluster.settings.exempt.insert("web"); }},
      {"pods move to other nodes", [](model::Cluster&) {}, true},
  };
}

class Versions {
 public:
  explicit Versions(model::Cluster base) : base_(std::move(base)) {
    // Somebody asks for the label of a namespace that changes.
    auto made = std::make_shared<model::Policy>();
    made->namespace_name = "locked";
    made->name = "team";
    const model::LabelSelector red{{{"team", "red"}}, {}};
    testing::allow(*made, Direction::Ingress, {model::PodPeer{red, {}}}, {testing::tcp(82)});
    base_.policies.emplace(made->id(), made);
    for (const auto& [key, pod] : base_.pods) {
      if (key != kSpare) fewer_->value().insert(key);
    }
  }

  // The version after this edit, compiled rightly or in a wrong way.
  verify::Checked after(const Edit& edit, const BrokenCompile& way = {}) {
    model::Cluster cluster = base_;
    edit.change(cluster);
    model::Cluster understood = cluster;
    if (way.misread) way.misread(understood);
    const auto& local = edit.has_fewer_local_pods ? fewer_ : every_;
    auto table = *compile::compile(understood, *local, Revision{++revision_}, numbers_);
    if (way.spoil) way.spoil(table);
    return {std::make_shared<const model::Cluster>(std::move(cluster)), local,
            std::make_shared<const compile::CompiledTable>(std::move(table))};
  }

 private:
  model::Cluster base_;
  std::shared_ptr<compile::LocalPods> every_ = std::make_shared<compile::LocalPods>();
  std::shared_ptr<compile::LocalPods> fewer_ =
      std::make_shared<compile::LocalPods>(std::set<model::PodKey>());
  compile::Numbers numbers_;
  std::uint64_t revision_ = 0;
};

bool accepts(Verifier& verifier, const verify::Checked& version, Verifier::Until until) {
  return verifier.follow(version) && verifier.step({}, until);
}

// A bug that a version of the cluster brings is caught before it is in force, whatever is kept of
// the versions before; and the version after it is right again.
TEST(Versions, EveryWayToBreakALaterCompileIsCaughtByWhatTheVersionChanged) {
  auto ways = testing::misreadings();
  for (auto& way : testing::spoilings()) ways.push_back(std::move(way));
  const auto all_edits = edits();
  std::size_t tried = 0;
  std::size_t caught = 0;
  for (std::size_t number = 0; number < ways.size(); ++number) {
    const auto& way = ways[number];
    Versions versions(testing::mutation_cluster());
    Verifier verifier;
    ASSERT_TRUE(
        accepts(verifier, versions.after(all_edits[0]), Verifier::Until::EverythingIsChecked));
    verifier.put_off();
    // A third of the pairs; every edit meets every kind of way.
    for (std::size_t i = number % 3; i < all_edits.size(); i += 3, ++tried) {
      const auto& edit = all_edits[i];
      SCOPED_TRACE(fmt::format("{}, and {}", edit.what, way.what));
      const auto wrong = versions.after(edit, way);
      const bool is_wrong = !verify::verify(*wrong.cluster, *wrong.local, *wrong.compiled, {});
      EXPECT_EQ(accepts(verifier, wrong, Verifier::Until::ChangeIsChecked), !is_wrong);
      caught += is_wrong ? 1 : 0;
      EXPECT_TRUE(accepts(verifier, versions.after(edit), Verifier::Until::ChangeIsChecked));
      verifier.put_off();
      EXPECT_TRUE(verifier.is_complete());
    }
  }
  std::cout << caught << " caught of " << tried << " ways in a version\n";
  EXPECT_GE(caught, tried * 9 / 10);
}

// The same with the table of the version before: nothing was compiled anew.
TEST(Versions, AnEditThatTheTableDoesNotFollowIsCaught) {
  const auto all_edits = edits();
  for (std::size_t i = 1; i < all_edits.size(); ++i) {
    SCOPED_TRACE(all_edits[i].what);
    Versions versions(testing::mutation_cluster());
    Verifier verifier;
    const auto before = versions.after(all_edits[0]);
    ASSERT_TRUE(accepts(verifier, before, Verifier::Until::EverythingIsChecked));
    verifier.put_off();
    const auto now = versions.after(all_edits[i]);
    const verify::Checked stale{now.cluster, now.local, before.compiled};
    const bool is_wrong = !verify::verify(*stale.cluster, *stale.local, *stale.compiled, {});
    EXPECT_EQ(accepts(verifier, stale, Verifier::Until::ChangeIsChecked), !is_wrong);
    EXPECT_TRUE(is_wrong || all_edits[i].has_fewer_local_pods);
    EXPECT_TRUE(accepts(verifier, now, Verifier::Until::ChangeIsChecked));
  }
}

}  // namespace
}  // namespace bulkhead
