// SPDX-License-Identifier: Apache-2.0
#include "cni/link.h"

#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/magic.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "policy/base/fd.h"

namespace bulkhead::cni {
namespace {

bool is_tap(const std::string& ifname) {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ethtool_drvinfo driver{};
  driver.cmd = ETHTOOL_GDRVINFO;
  ifreq request{};
  ifname.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&driver);
  return socket.is_open() && ::ioctl(socket.value(), SIOCETHTOOL, &request) == 0 &&
         std::string_view(driver.driver) == "tun";
}

// One RTM_DELLINK by hand: the plugin is run for every pod, and loading libnl for one message of
// 32 bytes would be most of its start.
Status delete_link(unsigned index) {
  struct {
    nlmsghdr header;
    ifinfomsg link;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_DELLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.link.ifi_index = static_cast<int>(index);
  const Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  struct {
    nlmsghdr header;
    nlmsgerr error;
    char room[256];
  } answer{};
  if (!socket.is_open() || ::send(socket.value(), &request, sizeof request, 0) < 0 ||
      ::recv(socket.value(), &answer, sizeof answer, 0) < static_cast<ssize_t>(NLMSG_LENGTH(4)) ||
      answer.header.nlmsg_type != NLMSG_ERROR) {
    return fail("cannot delete the link: {}", strerror(errno));
  }
  const int error = -answer.error.error;
  if (error == 0 || error == ENODEV) return {};
  return fail("cannot delete the link: {}", strerror(error));
}

Status delete_here(const std::string& ifname) {
  const unsigned index = ::if_nametoindex(ifname.c_str());
  return index != 0 && is_tap(ifname) ? delete_link(index) : Status{};
}

bool is_own_namespace(const Fd& network_namespace) {
  struct stat theirs {};
  struct stat own {};
  return ::fstat(network_namespace.value(), &theirs) == 0 &&
         ::stat("/proc/thread-self/ns/net", &own) == 0 && theirs.st_ino == own.st_ino;
}

}  // namespace

Status delete_tap(const std::string& netns, const std::string& ifname) {
  const Fd network_namespace(::open(netns.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct statfs file_system {};
  if (!network_namespace.is_open() || ::fstatfs(network_namespace.value(), &file_system) != 0 ||
      file_system.f_type != NSFS_MAGIC || is_own_namespace(network_namespace)) {
    return {};
  }
  // A thread of its own: the IPAM plugin that is started next belongs in the node's namespace.
  Status outcome;
  std::thread([&] {
    if (::setns(network_namespace.value(), CLONE_NEWNET) != 0) {
      outcome = fail("cannot enter {}: {}", netns, strerror(errno));
    } else {
      outcome = delete_here(ifname);
    }
  }).join();
  return outcome;
}

}  // namespace bulkhead::cni
