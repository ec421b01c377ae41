// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/endpoint/host_names.h"
#include "control/endpoint/wiring.h"
#include "tests/unit/control/endpoint/made_up_node.h"

namespace bulkhead::control::endpoint {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(HostNames, FollowTheInstanceAndFitADeviceName) {
  EXPECT_EQ(host_names("").node, "bulkhead0");
  EXPECT_EQ(host_names("x").outside, "bhx1");
  EXPECT_TRUE(check_instance("abcdefghijkl"));
  EXPECT_EQ(host_names("abcdefghijkl").node.size(), 15u);
  for (const char* bad : {"abcdefghijklm", "A", "a b", "a/b", "a\"", "-a", "a_b"}) {
    EXPECT_FALSE(check_instance(bad)) << bad;
  }
  EXPECT_NE(routing_table_of(""), routing_table_of("x"));
  EXPECT_NE(routing_table_of("x"), routing_table_of("y"));
}

TEST(WireHost, TheNodesOwnTrafficTakesOnePortAndForwardedTrafficTheOther) {
  in_private_network([] {
    const TemporaryFolder folder;
    const PodNamespace outside;
    make_node(outside);
    const auto wired = wire_host(dual_stack(folder));
    ASSERT_TRUE(wired) << wired.error().text();
    EXPECT_THAT(route_to("10.88.0.5"),
                AllOf(HasSubstr("dev bulkhead0"), HasSubstr("src 192.0.2.9")));
    EXPECT_THAT(route_to("fd00:88::5"),
                AllOf(HasSubstr("dev bulkhead0"), HasSubstr("src fd00:2::9")));
    EXPECT_THAT(route_to("10.88.0.5 from 192.0.2.1 iif f-uplink"), HasSubstr("dev bulkhead1"));
    EXPECT_THAT(route_to("fd00:88::5 from fd00:2::1 iif f-uplink"), HasSubstr("dev bulkhead1"));
    EXPECT_THAT(route_to("192.0.2.9"), HasSubstr("dev lo"));
    EXPECT_THAT(output_of("ip neigh show dev bulkhead0"),
                AllOf(HasSubstr("169.254.1.1 lladdr 02:62:68:00:00:01 PERMANENT"),
                      HasSubstr("fe80::1 lladdr 02:62:68:00:00:01 PERMANENT")));
    EXPECT_THAT(output_of("ip -d link show bulkhead1"),
                AllOf(HasSubstr("qdisc noqueue"), HasSubstr("gso_max_size 61440"),
                      HasSubstr("persist on")));
  });
}

TEST(WireHost, IsIdempotentAndKeepsTheDevices) {
  in_private_network([] {
    const TemporaryFolder folder;
    const PodNamespace outside;
    make_node(outside);
    const auto first = wire_host(dual_stack(folder));
    ASSERT_TRUE(first) << first.error().text();
    const auto before = everything();
    const auto index = output_of("cat /sys/class/net/bulkhead0/ifindex");
    const auto again = wire_host(dual_stack(folder));
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(everything(), before);
    EXPECT_EQ(output_of("cat /sys/class/net/bulkhead0/ifindex"), index);
  });
}

TEST(WireHost, AdoptsWithoutOpeningAQueueWhileTheDataPlaneHoldsThem) {
  in_private_network([] {
    const TemporaryFolder folder;
    const PodNamespace outside;
    make_node(outside);
    auto settings = dual_stack(folder);
    const auto held = wire_host(settings);
    ASSERT_TRUE(held);
    (void)output_of(
        "ip rule del iif lo table 5200; ip route flush dev bulkhead1;"
        "nft delete table inet bulkhead");
    settings.queues = 0;
    const auto adopted = wire_host(settings);
    ASSERT_TRUE(adopted) << adopted.error().text();
    EXPECT_THAT(adopted->node.queues, IsEmpty());
    EXPECT_THAT(adopted->outside.queues, IsEmpty());
    EXPECT_EQ(adopted->node_mac, held->node_mac);
    EXPECT_THAT(route_to("10.88.0.5"), HasSubstr("dev bulkhead0"));
    EXPECT_THAT(route_to("10.88.0.5 from 192.0.2.1 iif f-uplink"), HasSubstr("dev bulkhead1"));
    EXPECT_THAT(output_of("nft list table inet bulkhead"), HasSubstr("masquerade"));
  });
}

TEST(WireHost, WillNotAdoptWhatIsGone) {
  in_private_network([] {
    const TemporaryFolder folder;
    auto settings = dual_stack(folder);
    settings.queues = 0;
    EXPECT_FALSE(wire_host(settings));
    EXPECT_THAT(output_of("ip link"), Not(HasSubstr("bulkhead")));
  });
}

TEST(WireHost, ForgetsARemovedPodCidr) {
  in_private_network([] {
    const TemporaryFolder folder;
    const PodNamespace outside;
    make_node(outside);
    auto settings = dual_stack(folder);
    const auto held = wire_host(settings);
    settings.queues = 0;
    settings.pod_cidrs = {Prefix::parse("10.89.0.0/16")->prefix};
    ASSERT_TRUE(wire_host(settings));
    const auto routes = output_of("ip route show table all; ip -6 route show table all");
    EXPECT_THAT(routes, AllOf(Not(HasSubstr("10.88.0.0/16")), Not(HasSubstr("fd00:88::/64")),
                              HasSubstr("10.89.0.0/16 via 169.254.1.1 dev bulkhead1")));
    EXPECT_THAT(output_of("nft list table inet bulkhead"),
                AllOf(Not(HasSubstr("10.88")), Not(HasSubstr("fd00:88"))));
  });
}

TEST(WireHost, GivesTheNodeASourceInAFamilyItHasNoAddressIn) {
  in_private_network([] {
    const TemporaryFolder folder;
    (void)output_of("ip link set lo up; ip addr add 192.0.2.9/32 dev lo");
    const auto wired = wire_host(dual_stack(folder));
    ASSERT_TRUE(wired) << wired.error().text();
    EXPECT_THAT(route_to("10.88.0.5"), HasSubstr("src 192.0.2.9"));
    EXPECT_THAT(route_to("fd00:88::5"), HasSubstr("src fd62:756c:6b68::1"));
    const auto addresses = node_addresses();
    ASSERT_TRUE(addresses);
    EXPECT_THAT(*addresses, ElementsAre(*IpAddress::parse("192.0.2.9"),
                                        *IpAddress::parse("fd62:756c:6b68::1")));
  });
}

TEST(WireHost, OnlyMasqueradesWhenAsked) {
  in_private_network([] {
    const TemporaryFolder folder;
    const PodNamespace outside;
    make_node(outside);
    (void)output_of("nft add table inet theirs");
    auto settings = dual_stack(folder);
    const auto held = wire_host(settings);
    ASSERT_TRUE(held);
    EXPECT_THAT(output_of("nft list table inet bulkhead"),
                AllOf(HasSubstr("ip saddr 10.88.0.0/16 ip daddr != 10.88.0.0/16"),
                      HasSubstr("ip6 saddr fd00:88::/64 ip6 daddr != fd00:88::/64")));
    settings.masquerade = false;
    settings.queues = 0;
    ASSERT_TRUE(wire_host(settings));
    EXPECT_THAT(output_of("nft list tables"),
                AllOf(HasSubstr("theirs"), Not(HasSubstr("bulkhead"))));
  });
}

TEST(WireHost, ARouterAdvertisedNodeKeepsItsRoute) {
  in_private_network([] {
    const TemporaryFolder folder;
    const PodNamespace outside;
    make_node(outside);
    (void)output_of("echo 1 > /proc/sys/net/ipv6/conf/f-uplink/accept_ra");
    const auto held = wire_host(dual_stack(folder));
    ASSERT_TRUE(held);
    EXPECT_EQ(output_of("cat /proc/sys/net/ipv6/conf/f-uplink/accept_ra"), "2\n");
    EXPECT_EQ(output_of("cat /proc/sys/net/ipv6/conf/all/forwarding"), "1\n");
    EXPECT_EQ(output_of("cat /proc/sys/net/ipv4/ip_forward"), "1\n");
  });
}

TEST(UnwireHost, RemovesEverythingAndRestoresTheSysctls) {
  in_private_network([] {
    const TemporaryFolder folder;
    const PodNamespace outside;
    make_node(outside);
    (void)output_of(
        "echo 1 > /proc/sys/net/ipv6/conf/f-uplink/accept_ra;"
        "nft add table inet theirs; ip rule add from 203.0.113.1 lookup 99");
    const auto before = everything();
    {
      const auto held = wire_host(dual_stack(folder));
      ASSERT_TRUE(held) << held.error().text();
      ASSERT_NE(everything(), before);
    }
    const auto removed = unwire_host(dual_stack(folder));
    ASSERT_TRUE(removed) << removed.error().text();
    EXPECT_EQ(everything(), before);
    EXPECT_TRUE(unwire_host(dual_stack(folder)));
  });
}

TEST(UnwireHost, LeavesASysctlThatSomebodyElseChangedSince) {
  in_private_network([] {
    const TemporaryFolder folder;
    const PodNamespace outside;
    make_node(outside);
    (void)output_of("echo 1 > /proc/sys/net/ipv6/conf/f-uplink/accept_ra");
    const auto held = wire_host(dual_stack(folder));
    (void)output_of("echo 0 > /proc/sys/net/ipv6/conf/f-uplink/accept_ra");
    ASSERT_TRUE(unwire_host(dual_stack(folder)));
    EXPECT_EQ(output_of("cat /proc/sys/net/ipv6/conf/f-uplink/accept_ra"), "0\n");
    EXPECT_EQ(output_of("cat /proc/sys/net/ipv6/conf/all/forwarding"), "0\n");
  });
}

TEST(WireHost, LeavesADeviceOfThatNameThatIsNoTap) {
  in_private_network([] {
    const TemporaryFolder folder;
    (void)output_of("ip link add bulkhead1 type veth peer name other");
    const auto wired = wire_host(dual_stack(folder));
    ASSERT_FALSE(wired);
    EXPECT_THAT(wired.error().text(), HasSubstr("bulkhead1 exists and is not a TAP"));
    EXPECT_THAT(output_of("ip link"), Not(HasSubstr("bulkhead0")));
    EXPECT_TRUE(unwire_host(dual_stack(folder)));
    EXPECT_THAT(output_of("ip link"), HasSubstr("bulkhead1"));
  });
}

TEST(WireHost, TwoInstancesDoNotMeet) {
  in_private_network([] {
    const TemporaryFolder folder;
    const PodNamespace outside;
    make_node(outside);
    const auto first = wire_host(dual_stack(folder));
    ASSERT_TRUE(first);
    auto second_settings = dual_stack(folder);
    second_settings.instance = "x";
    second_settings.pod_cidrs = {Prefix::parse("10.99.0.0/16")->prefix};
    const auto second = wire_host(second_settings);
    ASSERT_TRUE(second) << second.error().text();
    EXPECT_EQ(second->node_name, "bhx0");
    EXPECT_THAT(route_to("10.99.0.5"), HasSubstr("dev bhx0"));
    EXPECT_THAT(route_to("10.88.0.5"), HasSubstr("dev bulkhead0"));
    ASSERT_TRUE(unwire_host(second_settings));
    EXPECT_THAT(route_to("10.88.0.5"), HasSubstr("dev bulkhead0"));
    EXPECT_THAT(output_of("nft list tables"),
                AllOf(HasSubstr("inet bulkhead"), Not(HasSubstr("bulkhead_x"))));
  });
}

TEST(UplinkMtu, IsThatOfTheDefaultRoutesDevice) {
  in_private_network([] {
    const PodNamespace outside;
    make_node(outside);
    EXPECT_EQ(uplink_mtu(), 1500u);
    (void)output_of("ip link set f-uplink mtu 1400");
    EXPECT_EQ(uplink_mtu(), 1500u) << "no default route yet";
    (void)output_of("ip route add default via 192.0.2.1");
    EXPECT_EQ(uplink_mtu(), 1400u);
    (void)output_of("ip route del default; ip -6 route add default via fd00:2::1");
    EXPECT_EQ(uplink_mtu(), 1400u);
  });
}

TEST(NodeAddresses, AreGlobalOnesOnly) {
  in_private_network([] {
    const PodNamespace outside;
    make_node(outside);
    (void)output_of(
        "ip addr add 127.0.0.2/8 dev lo; ip addr add fe80::7/64 dev f-uplink nodad;"
        "ip addr add 198.51.100.7/32 dev lo");
    const auto addresses = node_addresses();
    ASSERT_TRUE(addresses);
    EXPECT_THAT(*addresses,
                ElementsAre(*IpAddress::parse("192.0.2.9"), *IpAddress::parse("198.51.100.7"),
                            *IpAddress::parse("fd00:2::9")));
  });
}

}  // namespace
}  // namespace bulkhead::control::endpoint
