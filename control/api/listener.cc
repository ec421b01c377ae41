// SPDX-License-Identifier: Apache-2.0
#include "control/api/listener.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace bulkhead::control::api {
namespace {

constexpr int kBacklog = 256;

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail("the socket path {} is longer than {} bytes", path, sizeof address.sun_path - 1);
  }
  path.copy(address.sun_path, path.size());
  return address;
}

bool is_answered(const sockaddr_un& address) {
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int result =
      ::connect(probe.value(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  return result == 0 || errno == EAGAIN;
}

// The group's number, or -1 ("leave as it is") when there is no such group.
gid_t group_number(const std::string& name) {
  char buffer[4096];
  group entry{};
  group* found = nullptr;
  if (name.empty() || ::getgrnam_r(name.c_str(), &entry, buffer, sizeof buffer, &found) != 0 ||
      found == nullptr) {
    return static_cast<gid_t>(-1);
  }
  return found->gr_gid;
}

}  // namespace

Result<Fd> listen_at(const std::filesystem::path& path, const std::string& group) {
  const auto address = address_of(path.string());
  if (!address) return tl::unexpected(address.error());
  if (is_answered(*address)) return fail("another agent already serves {}", path.string());

  const std::string new_name = path.string() + ".new";
  const auto new_address = address_of(new_name);
  if (!new_address) return tl::unexpected(new_address.error());
  std::error_code ignored;
  std::filesystem::remove(new_name, ignored);

  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const auto wrong = [&](std::string_view what) {
    const int error = errno;
    std::filesystem::remove(new_name, ignored);
    return fail("{} {}: {}", what, path.string(), std::strerror(error));
  };
  if (!fd.is_open()) return wrong("socket for");
  if (::bind(fd.value(), reinterpret_cast<const sockaddr*>(&*new_address), sizeof *new_address) !=
      0) {
    return wrong("cannot bind");
  }
  // Not listening yet: nobody can connect before the rights are right.
  if (const gid_t gid = group_number(group);
      gid != static_cast<gid_t>(-1) && ::chown(new_name.c_str(), 0, gid) != 0) {
    return wrong("cannot give to its group");
  }
  if (::chmod(new_name.c_str(), 0660) != 0) return wrong("cannot set the rights of");
  if (::listen(fd.value(), kBacklog) != 0) return wrong("cannot listen at");
  if (::rename(new_name.c_str(), path.c_str()) != 0) return wrong("cannot make");
  return fd;
}

Result<Credentials> credentials_of(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return fail("SO_PEERCRED: {}", std::strerror(errno));
  }
  Credentials credentials{peer.uid, static_cast<std::uint32_t>(peer.pid), {peer.gid}};
  // With more groups than fit the kernel gives none, and only the first group counts.
  gid_t groups[1024];
  size = sizeof groups;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups, &size) == 0) {
    credentials.gids.insert(credentials.gids.end(), groups, groups + size / sizeof(gid_t));
  }
  return credentials;
}

}  // namespace bulkhead::control::api
