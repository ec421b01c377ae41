// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/endpoint/forwarding.h"
#include "tests/unit/control/endpoint/made_up_node.h"

namespace bulkhead::control::endpoint {
namespace {

using ::testing::HasSubstr;

std::string forwarding() {
  return output_of("cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding");
}

// Two instances with roots of their own on one machine.
struct TwoInstances {
  TemporaryFolder folders[2];
  HostLinkSettings first = dual_stack(folders[0]);
  HostLinkSettings second = dual_stack(folders[1]);

  TwoInstances() {
    second.instance = "x";
    second.pod_cidrs = {Prefix::parse("10.99.0.0/16")->prefix,
                        Prefix::parse("fd00:99::/64")->prefix};
  }
};

TEST(UnwireHost, TheLastInstanceRestoresWhatTheFirstOneChanged) {
  in_private_network([] {
    TwoInstances node;
    const PodNamespace outside;
    make_node(outside);
    (void)output_of("echo 1 > /proc/sys/net/ipv6/conf/f-uplink/accept_ra");
    const auto before = everything();
    {
      const auto first = wire_host(node.first);
      ASSERT_TRUE(first) << first.error().text();
      const auto second = wire_host(node.second);
      ASSERT_TRUE(second) << second.error().text();
    }
    const auto gone = unwire_host(node.first);
    ASSERT_TRUE(gone) << gone.error().text();
    EXPECT_EQ(forwarding(), "1\n1\n") << "the second still routes";
    EXPECT_THAT(route_to("10.99.0.5 from 192.0.2.1 iif f-uplink"), HasSubstr("dev bhx1"));
    ASSERT_TRUE(unwire_host(node.second));
    EXPECT_EQ(everything(), before);
  });
}

TEST(UnwireHost, TheInstanceThatCameLaterMayGoFirst) {
  in_private_network([] {
    TwoInstances node;
    const PodNamespace outside;
    make_node(outside);
    const auto before = everything();
    const auto first = wire_host(node.first);
    const auto second = wire_host(node.second);
    ASSERT_TRUE(first && second);
    ASSERT_TRUE(unwire_host(node.second));
    EXPECT_EQ(forwarding(), "1\n1\n");
    ASSERT_TRUE(unwire_host(node.first));
    EXPECT_EQ(everything(), before);
  });
}

TEST(WireHost, AFirstStartThatFailsLeavesAnotherInstanceItsForwarding) {
  in_private_network([] {
    TwoInstances node;
    const PodNamespace outside;
    make_node(outside);
    const auto second = wire_host(node.second);
    ASSERT_TRUE(second);
    (void)output_of("ip link add bulkhead1 type veth peer name other");
    EXPECT_FALSE(wire_host(node.first));
    EXPECT_EQ(forwarding(), "1\n1\n");
  });
}

TEST(RestoreForwarding, MendsItForAnInstanceThatCameInBetween) {
  in_private_network([] {
    const TemporaryFolder folder;
    (void)output_of("echo 0 > /proc/sys/net/ipv4/ip_forward");
    const auto record = folder.path() / "own";
    const auto other = folder.path() / "other";
    ASSERT_TRUE(enable_forwarding(Family::V4, record));
    int looks = 0;
    const auto restored =
        restore_forwarding(record, [&]() -> Result<std::optional<std::filesystem::path>> {
          if (++looks == 1) return std::nullopt;
          return other;
        });
    ASSERT_TRUE(restored);
    EXPECT_EQ(output_of("cat /proc/sys/net/ipv4/ip_forward"), "1\n");
    EXPECT_EQ(output_of("cat " + other.string()), "ipv4/ip_forward 0 1\n");
    EXPECT_FALSE(std::filesystem::exists(record));
  });
}

TEST(RestoreForwarding, RestoresItselfWhenTheHeirEndedMeanwhile) {
  in_private_network([] {
    const TemporaryFolder folder;
    (void)output_of("echo 0 > /proc/sys/net/ipv4/ip_forward");
    const auto record = folder.path() / "own";
    ASSERT_TRUE(enable_forwarding(Family::V4, record));
    int looks = 0;
    const auto restored =
        restore_forwarding(record, [&]() -> Result<std::optional<std::filesystem::path>> {
          if (++looks == 1) return folder.path() / "other";
          return std::nullopt;
        });
    ASSERT_TRUE(restored);
    EXPECT_EQ(output_of("cat /proc/sys/net/ipv4/ip_forward"), "0\n");
  });
}

}  // namespace
}  // namespace bulkhead::control::endpoint
