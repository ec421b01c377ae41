// SPDX-License-Identifier: Apache-2.0
#include "control/state/desired.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace bulkhead::control::state {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const IpAddress kOne = IpAddress::v4(10, 88, 0, 1);
const IpAddress kTwo = IpAddress::v4(10, 88, 0, 2);

model::PodPtr inventory(const std::string& name, std::vector<IpAddress> ips,
                        const std::string& uid = "") {
  auto pod = std::make_shared<model::Pod>();
  pod->key = {"web", name};
  pod->uid = uid;
  pod->labels["app"] = "inventory";
  pod->ips = std::move(ips);
  return pod;
}
AttachedPtr attached(const std::string& name, std::vector<IpAddress> ips, std::uint32_t port,
                     const std::string& uid = "") {
  AttachedPod pod;
  pod.pod = {"web", name};
  pod.uid = uid;
  pod.labels["app"] = "request";
  pod.ips = std::move(ips);
  pod.port = PortId(port);
  return std::make_shared<const AttachedPod>(std::move(pod));
}
Attached ports(const std::vector<AttachedPtr>& pods) {
  Attached ports;
  for (const auto& pod : pods) ports.insert_or_assign(pod->port, pod);
  return ports;
}
Inputs of_inventory(const std::vector<model::PodPtr>& pods) {
  Inputs inputs;
  for (const auto& pod : pods) inputs.accepted.pods.insert_or_assign(pod->key, pod);
  return inputs;
}
std::string label(const Desired& wished, const std::string& pod) {
  return wished.cluster.pods.at({"web", pod})->labels.at("app");
}

TEST(Desired, TheInventorysLabelsWinOverTheRequests) {
  Inputs inputs = of_inventory({inventory("a", {})});
  inputs.attached = ports({attached("a", {kOne}, 16), attached("b", {kTwo}, 17)});
  const Desired wished = desired(inputs);
  EXPECT_EQ(label(wished, "a"), "inventory");
  EXPECT_EQ(label(wished, "b"), "request");
  EXPECT_THAT(**wished.local, SizeIs(2));
}

TEST(Desired, AnotherUidIsAnotherPod) {
  Inputs inputs = of_inventory({inventory("a", {}, "old")});
  inputs.attached = ports({attached("a", {kOne}, 16, "new")});
  const Desired wished = desired(inputs);
  EXPECT_EQ(label(wished, "a"), "request");
  EXPECT_THAT(wished.warnings, SizeIs(1));
}

TEST(Desired, AnAddressBelongsToTheAttachedPodThatHasIt) {
  Inputs inputs = of_inventory({inventory("old", {kOne})});
  inputs.attached = ports({attached("new", {kOne}, 16)});
  const Desired wished = desired(inputs);
  EXPECT_EQ(wished.addresses.at(kOne), (Place{{"web", "new"}, PortId(16)}));
  EXPECT_THAT(wished.cluster.pods.at({"web", "old"})->ips, IsEmpty());
}

TEST(Desired, IpamsAddressesAreUsedAndADifferenceIsSaid) {
  Inputs inputs = of_inventory({inventory("a", {kTwo})});
  inputs.attached = ports({attached("a", {kOne}, 16)});
  const Desired wished = desired(inputs);
  EXPECT_THAT(wished.cluster.pods.at({"web", "a"})->ips, ElementsAre(kOne));
  EXPECT_FALSE(wished.addresses.contains(kTwo));
  EXPECT_THAT(wished.warnings, SizeIs(1));
}

TEST(Desired, AFinishedPodLeavesEverySet) {
  auto finished = std::make_shared<model::Pod>(*inventory("a", {kOne}));
  finished->finished = true;
  Inputs inputs = of_inventory({finished});
  inputs.attached = ports({attached("a", {kOne}, 16)});
  const Desired wished = desired(inputs);
  EXPECT_TRUE(wished.addresses.empty());
  EXPECT_THAT(**wished.local, IsEmpty());
}

TEST(Desired, AQuarantineBelongsToItsUid) {
  QuarantineRecord record;
  record.pod = {"web", "a"};
  record.uid = "one";
  Inputs inputs;
  inputs.quarantines[record.pod] = record;
  inputs.attached = ports({attached("a", {kOne}, 16, "one")});
  EXPECT_TRUE(desired(inputs).cluster.pods.at({"web", "a"})->quarantine);
  inputs.attached = ports({attached("a", {kOne}, 16, "two")});
  EXPECT_FALSE(desired(inputs).cluster.pods.at({"web", "a"})->quarantine);
}

TEST(Desired, AClosedNamespaceGetsAPolicyThatAllowsNothing) {
  Inputs inputs;
  inputs.accepted.closed_namespaces = {"web"};
  const Desired wished = desired(inputs);
  ASSERT_EQ(wished.cluster.policies.size(), 1u);
  const auto& policy = *wished.cluster.policies.begin()->second;
  EXPECT_EQ(policy.namespace_name, "web");
  EXPECT_THAT(*policy.policy_types, SizeIs(2));
  EXPECT_THAT(policy.rules[0], IsEmpty());
  EXPECT_THAT(policy.rules[1], IsEmpty());
}

TEST(Desired, ANodeAddressIsNeverAPods) {
  Inputs inputs;
  inputs.node_addresses = {kOne, kTwo};
  inputs.attached = ports({attached("a", {kOne}, 16)});
  EXPECT_THAT(desired(inputs).node_addresses, ElementsAre(kTwo));
}

TEST(Quarantine, TimesAreRead) {
  const auto zulu = parse_time("2026-01-31T18:00:00Z");
  const auto zone = parse_time("2026-01-31T19:30:00+01:30");
  ASSERT_TRUE(zulu && zone);
  EXPECT_EQ(*zulu, *zone);
  for (const auto* text : {"", "tomorrow", "2026-02-30T00:00:00Z", "2026-01-31T24:00:00Z",
                           "2026-01-31 18:00:00Z", "2026-01-31T18:00:00", "2026-01-31T18:00:00X"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

}  // namespace
}  // namespace bulkhead::control::state
