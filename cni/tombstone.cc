// SPDX-License-Identifier: Apache-2.0
#include "cni/tombstone.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "control/api/json.h"
#include "policy/base/fd.h"

namespace bulkhead::cni {
namespace {

namespace fs = std::filesystem;

fs::path file_of(const Request& request) {
  return request.tombstones() / fmt::format("{}@{}.json", request.container_id, request.ifname);
}

}  // namespace

Status write_tombstone(const Request& request) {
  std::error_code error;
  fs::create_directories(request.tombstones(), error);
  if (error) return fail("cannot make {}: {}", request.tombstones().string(), error.message());
  const fs::path file = file_of(request);
  const std::string temporary = fmt::format("{}.{}.tmp", file.string(), ::getpid());
  const std::string text = control::api::json_of(
      control::api::DetachmentRequest{request.container_id, request.ifname, request.netns});
  Fd out(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  const bool is_written =
      out.is_open() &&
      ::write(out.value(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::fsync(out.value()) == 0 && ::rename(temporary.c_str(), file.c_str()) == 0;
  if (!is_written) {
    const int cause = errno;
    ::unlink(temporary.c_str());
    return fail("cannot write {}: {}", file.string(), strerror(cause));
  }
  const Fd folder(::open(request.tombstones().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.is_open()) ::fsync(folder.value());
  return {};
}

Status remove_tombstone(const Request& request) {
  const fs::path file = file_of(request);
  if (::unlink(file.c_str()) == 0 || errno == ENOENT) return {};
  return fail("cannot remove {}: {}", file.string(), strerror(errno));
}

}  // namespace bulkhead::cni
