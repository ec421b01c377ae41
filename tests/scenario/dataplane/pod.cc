// SPDX-License-Identifier: Apache-2.0
#include "tests/scenario/dataplane/pod.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "dataplane/api/validate.h"

namespace bulkhead::scenario {
namespace {

constexpr const char* kGatewayMac = "02:62:68:00:00:01";

void must(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what + ": " + std::strerror(errno));
}

struct Target {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Target target(const IpAddress& address, std::uint16_t port) {
  Target made;
  if (address.family == Family::V4) {
    auto* four = reinterpret_cast<sockaddr_in*>(&made.storage);
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    std::memcpy(&four->sin_addr, address.bytes.data(), 4);
    made.size = sizeof *four;
  } else {
    auto* six = reinterpret_cast<sockaddr_in6*>(&made.storage);
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    std::memcpy(&six->sin6_addr, address.bytes.data(), 16);
    made.size = sizeof *six;
  }
  return made;
}

Fd make_socket(Family family, int type) {
  Fd made(
      socket(family == Family::V4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  must(made.is_open(), "socket");
  return made;
}

const sockaddr* generic(const Target& made) {
  return reinterpret_cast<const sockaddr*>(&made.storage);
}

}  // namespace

Pod::Pod(std::uint32_t number, std::string name, std::size_t queues)
    : number_(number), name_(std::move(name)) {
  std::jthread([&] {
    must(unshare(CLONE_NEWNET) == 0, "unshare");
    netns_ = Fd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  }).join();
  inside([&] {
    for (std::size_t i = 0; i < queues; ++i) {
      Fd queue(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
      ifreq request{};
      std::strcpy(request.ifr_name, "eth0");
      request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
      must(ioctl(queue.value(), TUNSETIFF, &request) == 0, "TUNSETIFF");
      int header = 12;
      must(ioctl(queue.value(), TUNSETVNETHDRSZ, &header) == 0, "TUNSETVNETHDRSZ");
      must(ioctl(queue.value(), TUNSETOFFLOAD, 0x6f) == 0 ||
               ioctl(queue.value(), TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) == 0,
           "TUNSETOFFLOAD");
      queues_.push_back(std::move(queue));
    }
  });
  const std::string four = address(Family::V4).text();
  const std::string six = address(Family::V6).text();
  for (const std::string& line :
       {std::string("ip link set lo up"),
        std::string("sysctl -qw net.ipv6.conf.eth0.accept_dad=0 net.ipv6.conf.eth0.accept_ra=0"),
        "ip link set eth0 address 02:62:68:00:01:" + std::to_string(10 + number_),
        std::string("ip link set eth0 mtu 1500 gso_max_size 61440 up"),
        "ip addr add " + four + "/32 dev eth0", "ip addr add " + six + "/128 dev eth0 nodad",
        std::string("ip route add 169.254.1.1 dev eth0 scope link"),
        std::string("ip route add default via 169.254.1.1"),
        std::string("ip -6 route add default via fe80::1 dev eth0"),
        std::string("ip neigh add 169.254.1.1 dev eth0 lladdr ") + kGatewayMac,
        std::string("ip -6 neigh add fe80::1 dev eth0 lladdr ") + kGatewayMac}) {
    command(line);
  }
}

IpAddress Pod::address(Family family) const {
  if (family == Family::V4) return IpAddress::v4(10, 91, 0, static_cast<std::uint8_t>(number_));
  auto address = IpAddress::parse("fd91::").value();
  address.bytes[15] = static_cast<std::uint8_t>(number_);
  return address;
}

dataplane::api::AttachPort Pod::attachment(std::uint32_t generation) const {
  using namespace dataplane::api;
  AttachPort attach;
  attach.port = 15 + number_;
  attach.endpoint = number_;
  attach.generation = generation;
  attach.mtu = 1500;
  unsigned mac[6] = {};
  unsigned gateway[6] = {};
  const std::string own = "02:62:68:00:01:" + std::to_string(10 + number_);
  std::sscanf(own.c_str(), "%x:%x:%x:%x:%x:%x", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
              &mac[5]);
  std::sscanf(kGatewayMac, "%x:%x:%x:%x:%x:%x", &gateway[0], &gateway[1], &gateway[2], &gateway[3],
              &gateway[4], &gateway[5]);
  for (std::size_t i = 0; i < 6; ++i) {
    attach.mac[i] = static_cast<std::uint8_t>(mac[i]);
    attach.gateway_mac[i] = static_cast<std::uint8_t>(gateway[i]);
  }
  attach.address_count = 2;
  attach.addresses[0] = to_wire(address(Family::V4));
  attach.addresses[1] = to_wire(address(Family::V6));
  std::strcpy(attach.name, "eth0");
  return attach;
}

std::vector<int> Pod::queue_fds() const {
  std::vector<int> fds;
  for (const Fd& queue : queues_) fds.push_back(queue.value());
  return fds;
}

void Pod::inside(const std::function<void()>& work) const {
  std::exception_ptr failure;
  std::jthread([&] {
    try {
      must(setns(netns_.value(), CLONE_NEWNET) == 0, "setns");
      work();
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

void Pod::command(const std::string& line) const {
  // system() runs its child in the calling thread's namespace.
  inside([&] { must(std::system(line.c_str()) == 0, line); });
}

Fd Pod::listen_tcp(Family family, std::uint16_t port) const {
  Fd server;
  inside([&] {
    server = make_socket(family, SOCK_STREAM);
    const auto here = target(address(family), port);
    must(bind(server.value(), generic(here), here.size) == 0, "bind");
    must(listen(server.value(), 16) == 0, "listen");
  });
  return server;
}

Fd Pod::bind_udp(Family family, std::uint16_t port) const {
  Fd server;
  inside([&] {
    server = make_socket(family, SOCK_DGRAM);
    const auto here = target(address(family), port);
    must(bind(server.value(), generic(here), here.size) == 0, "bind");
  });
  return server;
}

Fd Pod::connect_tcp(const IpAddress& to, std::uint16_t port, int timeout_ms) const {
  Fd client;
  inside([&] { client = make_socket(to.family, SOCK_STREAM); });
  const auto there = target(to, port);
  if (connect(client.value(), generic(there), there.size) == 0) return client;
  pollfd waiting{client.value(), POLLOUT, 0};
  int error = errno;
  if (error == EINPROGRESS && poll(&waiting, 1, timeout_ms) == 1) {
    socklen_t size = sizeof error;
    getsockopt(client.value(), SOL_SOCKET, SO_ERROR, &error, &size);
  }
  if (error != 0) client.reset();
  return client;
}

void Pod::send_udp(const IpAddress& to, std::uint16_t port) const {
  Fd client;
  inside([&] { client = make_socket(to.family, SOCK_DGRAM); });
  const auto there = target(to, port);
  must(sendto(client.value(), "x", 1, 0, generic(there), there.size) == 1, "sendto");
}

bool is_readable(const Fd& fd, int timeout_ms) {
  pollfd waiting{fd.value(), POLLIN, 0};
  return poll(&waiting, 1, timeout_ms) == 1 && (waiting.revents & POLLIN) != 0;
}

}  // namespace bulkhead::scenario
