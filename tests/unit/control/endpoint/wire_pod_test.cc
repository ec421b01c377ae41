// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include "control/endpoint/namespace.h"
#include "control/endpoint/registry.h"
#include "control/endpoint/wiring.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/control/endpoint/private_network.h"

namespace bulkhead::control::endpoint {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

PodLink dual_stack(const std::string& netns_path) {
  PodLink link;
  link.netns_path = netns_path;
  link.ifname = "eth0";
  link.ips = {*IpAddress::parse("10.88.0.5"), *IpAddress::parse("fd00:88::5")};
  link.mac = {0x02, 1, 2, 3, 4, 5};
  link.gateway_mac = kGatewayMac;
  link.mtu = 1400;
  return link;
}

std::string sysctl(const PodNamespace& pod, const std::string& name) {
  std::string value = pod.output("cat /proc/sys/net/" + name);
  while (!value.empty() && value.back() == '\n') value.pop_back();
  return value;
}

TEST(WirePod, GivesAddressesRoutesAndNeighboursOfBothFamilies) {
  in_private_network([] {
    const PodNamespace pod;
    const auto wired = wire_pod(dual_stack(pod.path()));
    ASSERT_TRUE(wired) << wired.error().text();
    EXPECT_EQ(wired->netns_inode, netns_inode(pod.path()));
    EXPECT_NE(wired->netns_inode, current_netns_inode());

    EXPECT_THAT(pod.output("ip -o addr show dev eth0"),
                AllOf(HasSubstr("inet 10.88.0.5/32"), HasSubstr("inet6 fd00:88::5/128"),
                      HasSubstr("nodad"), Not(HasSubstr("tentative")), Not(HasSubstr("fe80"))));
    EXPECT_THAT(pod.output("ip route"),
                AllOf(HasSubstr("default via 169.254.1.1 dev eth0"),
                      HasSubstr("169.254.1.1 dev eth0 proto static scope link")));
    EXPECT_THAT(pod.output("ip -6 route"),
                AllOf(HasSubstr("default via fe80::1 dev eth0"), HasSubstr("fe80::1 dev eth0")));
    EXPECT_THAT(pod.output("ip neigh"),
                AllOf(HasSubstr("169.254.1.1 dev eth0 lladdr 02:62:68:00:00:01 PERMANENT"),
                      HasSubstr("fe80::1 dev eth0 lladdr 02:62:68:00:00:01 PERMANENT")));
    EXPECT_THAT(pod.output("ip link show lo"), HasSubstr("LOWER_UP"));
  });
}

TEST(WirePod, TheDeviceIsAPersistentMultiQueueTapWithTheVnetHeader) {
  in_private_network([] {
    const PodNamespace pod;
    auto link = dual_stack(pod.path());
    link.queues = 2;
    const auto wired = wire_pod(link);
    ASSERT_TRUE(wired) << wired.error().text();
    ASSERT_EQ(wired->queues.size(), 2u);
    for (const auto& queue : wired->queues) {
      ifreq request{};
      ASSERT_EQ(::ioctl(queue.value(), TUNGETIFF, &request), 0);
      const int flags = static_cast<unsigned short>(request.ifr_flags);
      const int wanted = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE | IFF_PERSIST;
      EXPECT_EQ(flags & wanted, wanted);
      int header_bytes = 0;
      ASSERT_EQ(::ioctl(queue.value(), TUNGETVNETHDRSZ, &header_bytes), 0);
      EXPECT_EQ(header_bytes, 12);
      const int status = ::fcntl(queue.value(), F_GETFL);
      EXPECT_NE(status & O_NONBLOCK, 0);
      EXPECT_NE(::fcntl(queue.value(), F_GETFD) & FD_CLOEXEC, 0);
    }
    const std::string details = pod.output("ip -d link show eth0");
    EXPECT_THAT(details, AllOf(HasSubstr("mtu 1400"), HasSubstr("qdisc noqueue"),
                               HasSubstr("02:01:02:03:04:05"), HasSubstr("LOWER_UP"),
                               HasSubstr("addrgenmode none"), HasSubstr("gso_max_size 61440")));
  });
}

TEST(WirePod, Ipv6IsQuiet) {
  in_private_network([] {
    const PodNamespace pod;
    const auto wired = wire_pod(dual_stack(pod.path()));
    ASSERT_TRUE(wired) << wired.error().text();
    EXPECT_EQ(sysctl(pod, "ipv6/conf/eth0/accept_ra"), "0");
    EXPECT_EQ(sysctl(pod, "ipv6/conf/eth0/accept_dad"), "0");
    EXPECT_EQ(sysctl(pod, "ipv6/conf/eth0/dad_transmits"), "0");
    EXPECT_EQ(sysctl(pod, "ipv6/conf/eth0/router_solicitations"), "0");
    EXPECT_EQ(sysctl(pod, "ipv6/conf/eth0/addr_gen_mode"), "1");
  });
}

TEST(WirePod, Ipv6WorksWhereTheRuntimeSwitchedItOffForNewDevices) {
  in_private_network([] {
    const PodNamespace pod;
    (void)pod.output("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
    const auto wired = wire_pod(dual_stack(pod.path()));
    ASSERT_TRUE(wired) << wired.error().text();
    EXPECT_THAT(pod.output("ip -6 addr show dev eth0"), HasSubstr("fd00:88::5/128"));
  });
}

TEST(WirePod, ASingleFamilyGetsNoRouteOfTheOther) {
  in_private_network([] {
    const PodNamespace four;
    auto link = dual_stack(four.path());
    link.ips = {*IpAddress::parse("10.88.0.5")};
    const auto wired_four = wire_pod(link);
    ASSERT_TRUE(wired_four) << wired_four.error().text();
    EXPECT_THAT(four.output("ip -6 route show default"), IsEmpty());

    const PodNamespace six;
    link = dual_stack(six.path());
    link.ips = {*IpAddress::parse("fd00:88::5")};
    const auto wired_six = wire_pod(link);
    ASSERT_TRUE(wired_six) << wired_six.error().text();
    EXPECT_THAT(six.output("ip -4 route show default"), IsEmpty());
    EXPECT_THAT(six.output("ip -6 route show default"), HasSubstr("via fe80::1"));
  });
}

TEST(WirePod, FailsWhenTheInterfaceExistsAndLeavesItAlone) {
  in_private_network([] {
    const PodNamespace pod;
    (void)pod.output("ip link add eth0 type veth peer name other");
    const auto wired = wire_pod(dual_stack(pod.path()));
    ASSERT_FALSE(wired);
    EXPECT_THAT(pod.output("ip -d link show eth0"), HasSubstr("veth"));
  });
}

TEST(WirePod, FailsWhenWiredTwice) {
  in_private_network([] {
    const PodNamespace pod;
    ASSERT_TRUE(wire_pod(dual_stack(pod.path())));
    const auto again = wire_pod(dual_stack(pod.path()));
    ASSERT_FALSE(again);
    EXPECT_THAT(again.error().text(), HasSubstr("eth0 exists already"));
    EXPECT_THAT(pod.output("ip addr show eth0"), HasSubstr("10.88.0.5"));
  });
}

TEST(WirePod, AFailureHalfWayLeavesNoDevice) {
  in_private_network([] {
    const PodNamespace pod;
    // The default route is taken, which shows only after the device has its addresses.
    (void)pod.output(
        "ip link add uplink type veth peer name other; ip link set uplink up;"
        "ip link set other up; ip addr add 192.0.2.1/24 dev uplink;"
        "ip route add default via 192.0.2.2");
    const auto wired = wire_pod(dual_stack(pod.path()));
    ASSERT_FALSE(wired);
    EXPECT_THAT(wired.error().text(), HasSubstr("0.0.0.0/0"));
    EXPECT_THAT(pod.output("ip link"), Not(HasSubstr("eth0")));
    EXPECT_THAT(pod.output("ip route"), HasSubstr("default via 192.0.2.2"));
  });
}

TEST(WirePod, RefusesWhatIsNoPodNamespace) {
  in_private_network([] {
    const TemporaryFolder folder;
    const auto file = (folder.path() / "left-over").string();
    (void)output_of("touch " + file);
    EXPECT_FALSE(wire_pod(dual_stack(file)));
    EXPECT_FALSE(wire_pod(dual_stack("/run/netns/f-absent")));
    EXPECT_FALSE(wire_pod(dual_stack("")));
    const auto own = wire_pod(dual_stack("/proc/thread-self/ns/net"));
    ASSERT_FALSE(own);
    EXPECT_THAT(own.error().text(), HasSubstr("node's own"));
    EXPECT_EQ(netns_inode(file), 0u);
    EXPECT_EQ(netns_inode("/run/netns/f-absent"), 0u);
  });
}

TEST(WirePod, RefusesAnMtuTheFamilyOrTheDataPlaneCannotCarry) {
  in_private_network([] {
    const PodNamespace pod;
    for (const std::uint32_t mtu : {0u, 1279u, 61441u, 65535u}) {
      auto link = dual_stack(pod.path());
      link.mtu = mtu;
      EXPECT_FALSE(wire_pod(link)) << mtu;
    }
    auto link = dual_stack(pod.path());
    link.mtu = 61440;
    EXPECT_TRUE(wire_pod(link));
  });
}

TEST(UnwirePod, DeletesTheLinkAndRepeats) {
  in_private_network([] {
    const PodNamespace pod;
    ASSERT_TRUE(wire_pod(dual_stack(pod.path())));
    EXPECT_TRUE(unwire_pod(pod.path(), "eth0"));
    EXPECT_THAT(pod.output("ip link"), Not(HasSubstr("eth0")));
    EXPECT_TRUE(unwire_pod(pod.path(), "eth0"));
    EXPECT_TRUE(unwire_pod("/run/netns/f-absent", "eth0"));
    EXPECT_TRUE(wire_pod(dual_stack(pod.path()))) << "the name is free again";
  });
}

TEST(UnwirePod, LeavesWhatIsNotOurs) {
  in_private_network([] {
    const PodNamespace pod;
    (void)pod.output("ip link add eth0 type veth peer name other");
    EXPECT_TRUE(unwire_pod(pod.path(), "eth0"));
    EXPECT_THAT(pod.output("ip link"), HasSubstr("eth0"));

    (void)output_of("ip tuntap add f-own mode tap");
    EXPECT_TRUE(unwire_pod("/proc/thread-self/ns/net", "f-own"));
    EXPECT_THAT(output_of("ip link"), HasSubstr("f-own"));
  });
}

TEST(ReopenLink, TakesAPersistentTapWhoseDescriptorsAreGone) {
  in_private_network([] {
    const PodNamespace pod;
    ASSERT_TRUE(wire_pod(dual_stack(pod.path())));
    EXPECT_THAT(pod.output("ip link show eth0"), HasSubstr("NO-CARRIER"));
    const auto queues = reopen_link(pod.path(), "eth0", 1);
    ASSERT_TRUE(queues) << queues.error().text();
    EXPECT_THAT(pod.output("ip link show eth0"), HasSubstr("LOWER_UP"));
    EXPECT_THAT(pod.output("ip addr show eth0"), HasSubstr("10.88.0.5/32"));
  });
}

TEST(ReopenLink, MakesNoNewDevice) {
  in_private_network([] {
    const PodNamespace pod;
    EXPECT_FALSE(reopen_link(pod.path(), "eth0", 1));
    EXPECT_THAT(pod.output("ip link"), Not(HasSubstr("eth0")));
  });
}

TEST(WirePod, LeavesTheCallerInItsNamespace) {
  in_private_network([] {
    const auto before = current_netns_inode();
    const PodNamespace pod;
    ASSERT_TRUE(wire_pod(dual_stack(pod.path())));
    EXPECT_EQ(current_netns_inode(), before);
    EXPECT_THAT(output_of("ip link"), Not(HasSubstr("eth0")));
  });
}

}  // namespace
}  // namespace bulkhead::control::endpoint
