// SPDX-License-Identifier: Apache-2.0
#include "dataplane/api/server/tap_check.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>

#include "dataplane/packet/batch.h"

namespace bulkhead::dataplane {

Status check_tap(int fd) {
  ifreq request{};
  if (ioctl(fd, TUNGETIFF, &request) != 0) {
    return fail("not a TUN/TAP queue: {}", std::strerror(errno));
  }
  const int flags = request.ifr_flags;
  if ((flags & IFF_TAP) == 0 || (flags & IFF_NO_PI) == 0 || (flags & IFF_VNET_HDR) == 0) {
    return fail("a TUN/TAP queue without IFF_TAP, IFF_NO_PI or IFF_VNET_HDR");
  }
  int header_bytes = 0;
  if (ioctl(fd, TUNGETVNETHDRSZ, &header_bytes) != 0 ||
      header_bytes != static_cast<int>(kVnetHeaderBytes)) {
    return fail("a virtio-net header of {} bytes where {} belong", header_bytes, kVnetHeaderBytes);
  }
  const int status = fcntl(fd, F_GETFL);
  if (status < 0 || fcntl(fd, F_SETFL, status | O_NONBLOCK) != 0) {
    return fail("cannot make it non-blocking: {}", std::strerror(errno));
  }
  return {};
}

std::vector<std::size_t> cut_off_queues(std::span<const int> fds) {
  std::vector<pollfd> polled;
  polled.reserve(fds.size());
  for (const int fd : fds) polled.push_back({fd, 0, 0});
  std::vector<std::size_t> found;
  if (poll(polled.data(), polled.size(), 0) <= 0) return found;
  for (std::size_t i = 0; i < polled.size(); ++i) {
    if ((polled[i].revents & POLLERR) != 0) found.push_back(i);
  }
  return found;
}

}  // namespace bulkhead::dataplane
