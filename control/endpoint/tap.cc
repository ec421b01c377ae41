// SPDX-License-Identifier: Apache-2.0
#include "control/endpoint/tap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>

namespace bulkhead::control::endpoint {
namespace {

// sizeof(virtio_net_hdr_v1): the header the data plane's parser expects before each frame.
constexpr int kVnetHeaderBytes = 12;

// TUN_F_USO4 | TUN_F_USO6 of Linux 6.2; Debian 12's headers are older. One without the other is
// EINVAL.
constexpr unsigned long kUdpSegmentation = 0x20 | 0x40;
constexpr unsigned long kOffloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;

Status set_header_and_offloads(const Fd& queue, const std::string& name) {
  int bytes = kVnetHeaderBytes;
  if (::ioctl(queue.value(), TUNSETVNETHDRSZ, &bytes) != 0) {
    return fail("cannot set the virtio-net header size of {}: {}", name, strerror(errno));
  }
  if (::ioctl(queue.value(), TUNSETOFFLOAD, kOffloads | kUdpSegmentation) == 0) return {};
  if (::ioctl(queue.value(), TUNSETOFFLOAD, kOffloads) == 0) return {};
  return fail("cannot switch the offloads of {} on: {}", name, strerror(errno));
}

Result<Fd> open_queue(const std::string& name, int flags) {
  Fd queue(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!queue.is_open()) {
    const bool is_absent = errno == ENOENT || errno == ENODEV || errno == ENXIO;
    return fail("cannot open /dev/net/tun: {} ({})", strerror(errno),
                is_absent ? "modprobe tun; in a container, pass the device in"
                          : "run as root, or allow the device in the container");
  }
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = static_cast<short>(flags);
  if (::ioctl(queue.value(), TUNSETIFF, &request) == 0) return queue;
  if (errno == EBUSY && (flags & IFF_TUN_EXCL) != 0) return fail("{} exists already", name);
  return fail("cannot attach to TAP {}: {}{}", name, strerror(errno),
              errno == EPERM ? " (CAP_NET_ADMIN is needed: run as root)" : "");
}

}  // namespace

Result<std::vector<Fd>> open_tap(const std::string& name, std::size_t queues, TapOpen how) {
  if (name.empty() || name.size() >= IFNAMSIZ) {
    return fail("'{}' is no interface name: 1 to {} characters", name, IFNAMSIZ - 1);
  }
  if (queues == 0) return fail("a TAP needs at least one queue");
  if (how == TapOpen::ReopenOnly && ::if_nametoindex(name.c_str()) == 0) {
    return fail("there is no interface {}", name);
  }
  std::vector<Fd> opened;
  for (std::size_t i = 0; i < queues; ++i) {
    int flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
    if (i == 0 && how == TapOpen::CreateNew) flags |= IFF_TUN_EXCL;
    auto queue = open_queue(name, flags);
    if (!queue) return tl::unexpected(queue.error());
    opened.push_back(std::move(*queue));
  }
  if (auto set = set_header_and_offloads(opened.front(), name); !set) {
    return tl::unexpected(set.error());
  }
  return opened;
}

Status make_persistent(const Fd& queue) {
  if (::ioctl(queue.value(), TUNSETPERSIST, 1) != 0) {
    return fail("cannot make the TAP persistent: {}", strerror(errno));
  }
  return {};
}

}  // namespace bulkhead::control::endpoint
