// SPDX-License-Identifier: Apache-2.0
#include "control/endpoint/namespace.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstring>

#include "control/endpoint/wiring.h"

namespace bulkhead::control::endpoint {
namespace {

// The file of this thread, not of the process: a helper thread may be elsewhere.
constexpr const char* kOwnNamespace = "/proc/thread-self/ns/net";

// 0 when the path names no namespace: an empty file stays behind when one is unmounted.
std::uint64_t inode_of(const std::string& path) {
  struct statfs file_system {};
  struct stat file {};
  if (::statfs(path.c_str(), &file_system) != 0 || file_system.f_type != NSFS_MAGIC) return 0;
  return ::stat(path.c_str(), &file) == 0 ? file.st_ino : 0;
}

}  // namespace

std::uint64_t current_netns_inode() { return inode_of(kOwnNamespace); }

std::uint64_t netns_inode(const std::string& path) { return inode_of(path); }

Result<Fd> open_pod_namespace(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return fail("cannot open network namespace {}: {}", path, strerror(errno));
  struct statfs file_system {};
  if (::fstatfs(fd.value(), &file_system) != 0 || file_system.f_type != NSFS_MAGIC) {
    return fail("{} is not a network namespace", path);
  }
  struct stat file {};
  if (::fstat(fd.value(), &file) != 0) return fail("cannot stat {}: {}", path, strerror(errno));
  if (file.st_ino == current_netns_inode()) {
    return fail("{} is the node's own network namespace, not a pod's", path);
  }
  return fd;
}

Status enter_namespace(const Fd& network_namespace) {
  if (::setns(network_namespace.value(), CLONE_NEWNET) != 0) {
    return fail("cannot enter network namespace: {}{}", strerror(errno),
                errno == EPERM ? " (CAP_SYS_ADMIN is needed: run as root)" : "");
  }
  return {};
}

}  // namespace bulkhead::control::endpoint
