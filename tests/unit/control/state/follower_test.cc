// SPDX-License-Identifier: Apache-2.0
#include "control/state/follower.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/unit/control/state/plain_desired.h"

namespace bulkhead::control::state {
namespace {

// Few names and few addresses, so that everything collides with everything.
class Edits {
 public:
  explicit Edits(unsigned seed) : random_(seed) {}

  void edit(Inputs& inputs) {
    switch (one_of(9)) {
      case 0:
      case 1:
        put_or_erase(inputs.accepted.pods, pod_key(), [this](const auto& key) { return pod(key); });
        break;
      case 2:
      case 3:
        put_or_erase(inputs.attached, PortId(16 + one_of(4)),
                     [this](PortId port) { return attached(port); });
        break;
      case 4:
        put_or_erase(inputs.quarantines, pod_key(),
                     [this](const auto& key) { return quarantine(key); });
        break;
      case 5:
        put_or_erase(inputs.accepted.namespaces, name_of("ns", 3),
                     [this](const auto& name) { return space(name); });
        break;
      case 6: {
        const auto policy = this->policy();
        put_or_erase(inputs.accepted.policies, policy->id(), [&](const auto&) { return policy; });
        break;
      }
      case 7: {
        auto& closed = inputs.accepted.closed_namespaces;
        const auto name = name_of("ns", 3);
        if (closed.erase(name) == 0) closed.insert(name);
        break;
      }
      default:
        inputs.node_addresses = ips();
        inputs.settings.exempt = {name_of("ns", 3)};
    }
  }

  [[nodiscard]] unsigned one_of(unsigned count) { return static_cast<unsigned>(random_() % count); }

 private:
  std::string name_of(const std::string& stem, unsigned count) {
    return stem + std::to_string(one_of(count));
  }
  model::PodKey pod_key() { return {name_of("ns", 3), name_of("pod", 3)}; }
  std::string uid() { return one_of(2) == 0 ? "" : name_of("uid", 2); }
  std::vector<IpAddress> ips() {
    std::vector<IpAddress> list;
    for (unsigned count = one_of(4); count > 0; --count) {
      auto ip = IpAddress::v4(10, 88, 0, static_cast<std::uint8_t>(one_of(4)));
      if (one_of(2) == 0) ip.family = Family::V6;
      list.push_back(ip);
    }
    return list;
  }
  model::Labels labels() { return {{"app", name_of("app", 2)}}; }

  model::PodPtr pod(const model::PodKey& key) {
    model::Pod pod;
    pod.key = key;
    pod.uid = uid();
    pod.labels = labels();
    pod.ips = ips();
    pod.host_network = one_of(6) == 0;
    pod.finished = one_of(4) == 0;
    return std::make_shared<const model::Pod>(pod);
  }
  AttachedPtr attached(PortId port) {
    return std::make_shared<const AttachedPod>(
        AttachedPod{pod_key(), uid(), labels(), ips(), port});
  }
  QuarantineRecord quarantine(const model::PodKey& key) {
    QuarantineRecord record;
    record.pod = key;
    record.uid = uid();
    record.quarantine.why = name_of("why", 2);
    return record;
  }
  model::NamespacePtr space(const std::string& name) {
    model::Namespace space;
    space.name = name;
    space.labels = labels();
    return std::make_shared<const model::Namespace>(space);
  }
  model::PolicyPtr policy() {
    model::Policy policy;
    policy.kind =
        one_of(3) == 0 ? model::PolicyKind::ClusterNetworkPolicy : model::PolicyKind::NetworkPolicy;
    if (policy.kind == model::PolicyKind::NetworkPolicy) policy.namespace_name = name_of("ns", 4);
    policy.name = name_of("policy", 3);
    policy.staged = one_of(2) == 0;
    return std::make_shared<const model::Policy>(policy);
  }

  template <class Map, class Key, class Make>
  void put_or_erase(Map& map, const Key& key, const Make& make) {
    if (one_of(3) == 0) {
      map.erase(key);
    } else {
      map.insert_or_assign(key, make(key));
    }
  }

  std::mt19937 random_;
};

template <class Key, class Object, class Same>
void expect_same(const model::SharedMap<Key, Object>& followed,
                 const model::SharedMap<Key, Object>& plain, const Same& same) {
  ASSERT_EQ(followed.size(), plain.size());
  auto other = plain.begin();
  for (const auto& [key, object] : followed) {
    ASSERT_TRUE(key == other->first);
    ASSERT_TRUE(same(*object, *other->second));
    ++other;
  }
}

void expect_same(const Desired& followed, const Desired& plain) {
  const auto equal = [](const auto& one, const auto& other) { return one == other; };
  // Who names a namespace that nobody declares does not matter.
  const auto equal_but_for_origin = [](model::Namespace one, model::Namespace other) {
    one.origin = other.origin = {};
    return one == other;
  };
  ASSERT_EQ(followed.cluster.settings, plain.cluster.settings);
  ASSERT_NO_FATAL_FAILURE(
      expect_same(followed.cluster.namespaces, plain.cluster.namespaces, equal_but_for_origin));
  ASSERT_NO_FATAL_FAILURE(expect_same(followed.cluster.pods, plain.cluster.pods, equal));
  ASSERT_NO_FATAL_FAILURE(expect_same(followed.cluster.policies, plain.cluster.policies, equal));
  ASSERT_EQ(*followed.local, *plain.local);
  ASSERT_TRUE(followed.addresses == plain.addresses);
  ASSERT_EQ(followed.node_addresses, plain.node_addresses);
  ASSERT_EQ(followed.warnings, plain.warnings);
}

TEST(Follower, IsWhereEverythingFromNothingWouldBe) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Edits edits(seed);
  for (int run = 0; run < 60; ++run) {
    Inputs inputs;
    Follower follower;
    for (int version = 0; version < 120; ++version) {
      for (unsigned count = 1 + edits.one_of(3); count > 0; --count) edits.edit(inputs);
      const Desired plain = PlainDesired(inputs).run();
      ASSERT_NO_FATAL_FAILURE(expect_same(follower.follow(inputs), plain));
      if (version % 10 != 0) continue;
      ASSERT_NO_FATAL_FAILURE(expect_same(desired(inputs), plain));
    }
  }
}

TEST(Follower, KeepsWhatStaysTheSameObject) {
  Inputs inputs;
  for (const auto* name : {"a", "b"}) {
    auto pod = std::make_shared<model::Pod>();
    pod->key = {"web", name};
    inputs.accepted.pods.insert_or_assign(pod->key, pod);
  }
  Follower follower;
  const Desired before = follower.follow(inputs);
  auto changed = std::make_shared<model::Pod>(*inputs.accepted.pods.at({"web", "a"}));
  changed->labels["app"] = "new";
  inputs.accepted.pods.insert_or_assign(changed->key, changed);
  const Desired after = follower.follow(inputs);
  std::vector<std::string> differ;
  for_each_difference(
      before.cluster.pods, after.cluster.pods,
      [&](const model::PodKey& key, const auto&, const auto&) { differ.push_back(key.name); });
  EXPECT_THAT(differ, testing::ElementsAre("a"));
  EXPECT_EQ(before.cluster.namespaces.at("web"), after.cluster.namespaces.at("web"));
  EXPECT_EQ(before.local, after.local);
}

}  // namespace
}  // namespace bulkhead::control::state
