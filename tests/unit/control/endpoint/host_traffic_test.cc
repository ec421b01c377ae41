// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstring>
#include <optional>
#include <vector>

#include "control/endpoint/wiring.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/control/endpoint/private_network.h"

// Real packets through the node's wiring, with the test in the data plane's place.
namespace bulkhead::control::endpoint {
namespace {

constexpr std::uint16_t kPodPort = 5000;
constexpr std::uint16_t kOutsidePort = 7000;
constexpr std::size_t kVnetHeader = 12;
constexpr std::size_t kEthernet = 14;

struct Ends {
  Family family;
  const char* pod;
  const char* node;     // the uplink's own
  const char* outside;  // the other end of the uplink
};
constexpr Ends kV4{Family::V4, "10.88.0.5", "192.0.2.9", "192.0.2.1"};
constexpr Ends kV6{Family::V6, "fd00:88::5", "fd00:2::9", "fd00:2::1"};

using Bytes = std::vector<std::uint8_t>;

void put16(Bytes& bytes, unsigned value) {
  bytes.push_back(static_cast<std::uint8_t>(value >> 8));
  bytes.push_back(static_cast<std::uint8_t>(value));
}
void put(Bytes& bytes, const IpAddress& ip) {
  bytes.insert(bytes.end(), ip.bytes.begin(), ip.bytes.begin() + static_cast<long>(ip.size()));
}

// RFC 1071, over an even number of bytes.
std::uint16_t internet_checksum(const Bytes& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) sum += bytes[i] * 256u + bytes[i + 1];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

// A 4-byte UDP datagram from the pod as the data plane would deliver it to the host.
Bytes frame_from_pod(const Ends& ends, const MacAddress& to) {
  const IpAddress source = *IpAddress::parse(ends.pod);
  const IpAddress destination = *IpAddress::parse(ends.outside);
  Bytes udp;
  put16(udp, kPodPort);
  put16(udp, kOutsidePort);
  put16(udp, 12);
  put16(udp, 0);
  udp.insert(udp.end(), {'p', 'i', 'n', 'g'});
  Bytes covered;
  put(covered, source);
  put(covered, destination);
  put16(covered, 12);
  put16(covered, IPPROTO_UDP);
  covered.insert(covered.end(), udp.begin(), udp.end());
  const std::uint16_t checksum = internet_checksum(covered);
  udp[6] = static_cast<std::uint8_t>(checksum >> 8);
  udp[7] = static_cast<std::uint8_t>(checksum);

  Bytes frame(kVnetHeader);
  frame.insert(frame.end(), to.begin(), to.end());
  frame.insert(frame.end(), kGatewayMac.begin(), kGatewayMac.end());
  if (ends.family == Family::V4) {
    put16(frame, 0x0800);
    Bytes header{0x45, 0, 0, 32, 0, 1, 0, 0, 64, IPPROTO_UDP, 0, 0};
    put(header, source);
    put(header, destination);
    const std::uint16_t sum = internet_checksum(header);
    header[10] = static_cast<std::uint8_t>(sum >> 8);
    header[11] = static_cast<std::uint8_t>(sum);
    frame.insert(frame.end(), header.begin(), header.end());
  } else {
    put16(frame, 0x86dd);
    const Bytes start{0x60, 0, 0, 0, 0, 12, IPPROTO_UDP, 64};
    frame.insert(frame.end(), start.begin(), start.end());
    put(frame, source);
    put(frame, destination);
  }
  frame.insert(frame.end(), udp.begin(), udp.end());
  return frame;
}

struct Datagram {
  std::string source;
  std::string destination;
  MacAddress to{};
  std::uint16_t destination_port = 0;
};

std::optional<Datagram> parse_udp(const Bytes& frame) {
  const std::size_t ip = kVnetHeader + kEthernet;
  if (frame.size() < ip + 28) return std::nullopt;
  const bool is_v4 = frame[ip] >> 4 == 4;
  const std::size_t udp = ip + (is_v4 ? 20u : 40u);
  const std::uint8_t protocol = is_v4 ? frame[ip + 9] : frame[ip + 6];
  if (protocol != IPPROTO_UDP || frame.size() < udp + 8) return std::nullopt;
  Datagram datagram;
  std::copy_n(frame.begin() + kVnetHeader, 6, datagram.to.begin());
  datagram.destination_port = static_cast<std::uint16_t>(frame[udp + 2] * 256 + frame[udp + 3]);
  const auto* at = frame.data() + ip;
  datagram.source =
      (is_v4 ? IpAddress::v4_from_wire(at + 12) : IpAddress::v6_from_wire(at + 8)).text();
  datagram.destination =
      (is_v4 ? IpAddress::v4_from_wire(at + 16) : IpAddress::v6_from_wire(at + 24)).text();
  return datagram;
}

// The next UDP datagram that the host sends through a port; other noise is passed over.
std::optional<Datagram> next_udp(const Fd& queue) {
  pollfd ready{queue.value(), POLLIN, 0};
  while (::poll(&ready, 1, 5000) == 1) {
    Bytes frame(2048);
    const auto size = ::read(queue.value(), frame.data(), frame.size());
    if (size <= 0) continue;
    frame.resize(static_cast<std::size_t>(size));
    if (auto datagram = parse_udp(frame)) return datagram;
  }
  return std::nullopt;
}

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress socket_address(Family family, const char* ip, std::uint16_t port) {
  SocketAddress address;
  if (family == Family::V4) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    ::inet_pton(AF_INET, ip, &v4->sin_addr);
    address.size = sizeof *v4;
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    ::inet_pton(AF_INET6, ip, &v6->sin6_addr);
    address.size = sizeof *v6;
  }
  return address;
}

Fd udp_socket(Family family) {
  Fd socket(::socket(family == Family::V4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const timeval patience{5, 0};
  ::setsockopt(socket.value(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return socket;
}

std::string text_of(const SocketAddress& address, Family family) {
  const auto* at = reinterpret_cast<const std::uint8_t*>(&address.storage);
  return (family == Family::V4 ? IpAddress::v4_from_wire(at + offsetof(sockaddr_in, sin_addr))
                               : IpAddress::v6_from_wire(at + offsetof(sockaddr_in6, sin6_addr)))
      .text();
}

class HostTraffic : public ::testing::TestWithParam<Ends> {
 protected:
  void wire(const PodNamespace& outside, bool masquerade) {
    (void)output_of("ip link set lo up; ip link add f-uplink type veth peer name f-peer netns " +
                    outside.path());
    (void)outside.output(
        "ip link set f-peer up; ip addr add 192.0.2.1/24 dev f-peer;"
        "ip addr add fd00:2::1/64 dev f-peer nodad;"
        "ip route add 10.88.0.0/16 via 192.0.2.9; ip route add fd00:88::/64 via fd00:2::9");
    (void)output_of(
        "ip link set f-uplink up; ip addr add 192.0.2.9/24 dev f-uplink;"
        "ip addr add fd00:2::9/64 dev f-uplink nodad");
    HostLinkSettings settings;
    settings.pod_cidrs = {Prefix::parse("10.88.0.0/16")->prefix,
                          Prefix::parse("fd00:88::/64")->prefix};
    settings.record_folder = folder_.path();
    settings.masquerade = masquerade;
    auto links = wire_host(settings);
    ASSERT_TRUE(links) << links.error().text();
    links_ = std::move(*links);
  }

  // Sends from the pod to the outside, and answers with whom the outside saw.
  std::string seen_outside(const PodNamespace& outside, Fd& socket, SocketAddress& peer) {
    const Ends& ends = GetParam();
    outside.run([&] {
      socket = udp_socket(ends.family);
      auto address = socket_address(ends.family, ends.outside, kOutsidePort);
      ASSERT_EQ(::bind(socket.value(), address.get(), address.size), 0);
    });
    const Bytes frame = frame_from_pod(ends, links_.outside_mac);
    const auto written = ::write(links_.outside.queues.front().value(), frame.data(), frame.size());
    EXPECT_EQ(written, static_cast<ssize_t>(frame.size()));
    char text[16] = {};
    peer = {};
    const auto got = ::recvfrom(socket.value(), text, sizeof text, 0, peer.get(), &peer.size);
    EXPECT_EQ(std::string(text, got > 0 ? static_cast<std::size_t>(got) : 0), "ping");
    return text_of(peer, ends.family);
  }

  TemporaryFolder folder_;
  HostLinks links_;
};

TEST_P(HostTraffic, PodsReachTheOutsideAsTheNodeAndAnswersComeBackToThePod) {
  in_private_network([this] {
    const PodNamespace outside;
    wire(outside, true);
    Fd socket;
    SocketAddress peer;
    EXPECT_EQ(seen_outside(outside, socket, peer), GetParam().node);
    ASSERT_EQ(::sendto(socket.value(), "pong", 4, 0, peer.get(), peer.size), 4);
    const auto answer = next_udp(links_.outside.queues.front());
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->source, GetParam().outside);
    EXPECT_EQ(answer->destination, GetParam().pod);
    EXPECT_EQ(answer->destination_port, kPodPort);
    EXPECT_EQ(answer->to, kGatewayMac);
  });
}

TEST_P(HostTraffic, WithoutMasqueradePodsKeepTheirAddress) {
  in_private_network([this] {
    const PodNamespace outside;
    wire(outside, false);
    Fd socket;
    SocketAddress peer;
    EXPECT_EQ(seen_outside(outside, socket, peer), GetParam().pod);
  });
}

TEST_P(HostTraffic, TheNodesOwnPacketsCarryANodeAddressThroughTheNodePort) {
  in_private_network([this] {
    const PodNamespace outside;
    wire(outside, true);
    const Fd socket = udp_socket(GetParam().family);
    auto pod = socket_address(GetParam().family, GetParam().pod, kPodPort);
    ASSERT_EQ(::sendto(socket.value(), "ping", 4, 0, pod.get(), pod.size), 4);
    const auto sent = next_udp(links_.node.queues.front());
    ASSERT_TRUE(sent);
    EXPECT_EQ(sent->source, GetParam().node);
    EXPECT_EQ(sent->destination, GetParam().pod);
    EXPECT_EQ(sent->to, kGatewayMac);
  });
}

TEST_P(HostTraffic, AnOutsideClientOfAPodTakesTheOutsidePort) {
  in_private_network([this] {
    const PodNamespace outside;
    wire(outside, true);
    outside.run([] {
      const Fd socket = udp_socket(GetParam().family);
      auto pod = socket_address(GetParam().family, GetParam().pod, kPodPort);
      ASSERT_EQ(::sendto(socket.value(), "ping", 4, 0, pod.get(), pod.size), 4);
    });
    const auto sent = next_udp(links_.outside.queues.front());
    ASSERT_TRUE(sent);
    EXPECT_EQ(sent->source, GetParam().outside);
    EXPECT_EQ(sent->destination, GetParam().pod);
  });
}

// NodePort and hostPort: translated on the host and masqueraded, the client looks like the node; it
// must still come by the port where node addresses mean nothing.
TEST_P(HostTraffic, AMasqueradedNodePortClientTakesTheOutsidePortWithANodeAddress) {
  in_private_network([this] {
    const PodNamespace outside;
    wire(outside, true);
    const bool is_v4 = GetParam().family == Family::V4;
    const std::string rules = fmt::format(
        "nft 'add table inet theirs;"
        "add chain inet theirs pre {{ type nat hook prerouting priority dstnat; }};"
        "add chain inet theirs post {{ type nat hook postrouting priority srcnat + 1; }};"
        "add rule inet theirs pre meta nfproto {0} udp dport 30000 dnat {1} to {2};"
        "add rule inet theirs post oifname bulkhead1 masquerade'",
        is_v4 ? "ipv4" : "ipv6", is_v4 ? "ip" : "ip6",
        is_v4 ? "10.88.0.5:5000" : "[fd00:88::5]:5000");
    ASSERT_EQ(output_of(rules), "");
    outside.run([] {
      const Fd socket = udp_socket(GetParam().family);
      auto node = socket_address(GetParam().family, GetParam().node, 30000);
      ASSERT_EQ(::sendto(socket.value(), "ping", 4, 0, node.get(), node.size), 4);
    });
    const auto sent = next_udp(links_.outside.queues.front());
    ASSERT_TRUE(sent);
    EXPECT_EQ(sent->source, GetParam().node);
    EXPECT_EQ(sent->destination, GetParam().pod);
  });
}

INSTANTIATE_TEST_SUITE_P(BothFamilies, HostTraffic, ::testing::Values(kV4, kV6),
                         [](const auto& info) {
                           return info.param.family == Family::V4 ? "IPv4" : "IPv6";
                         });

}  // namespace
}  // namespace bulkhead::control::endpoint
