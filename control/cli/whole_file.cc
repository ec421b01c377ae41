// SPDX-License-Identifier: Apache-2.0
#include "control/cli/whole_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "policy/base/fd.h"

namespace bulkhead::control::cli {
namespace {

// 0 or an errno.
int write_all(int file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace

Status write_whole(const std::filesystem::path& file, std::span<const std::byte> bytes) {
  auto beside = file;
  beside += ".new";
  ::unlink(beside.c_str());
  // Made anew, so that nobody's link in a shared folder is followed; for the caller's eyes only.
  const Fd opened(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!opened.is_open()) return fail_at(file.string(), "cannot be written: {}", strerror(errno));
  int error = write_all(opened.value(), bytes);
  if (error == 0 && ::rename(beside.c_str(), file.c_str()) != 0) error = errno;
  if (error == 0) return {};
  ::unlink(beside.c_str());
  return fail_at(file.string(), "cannot be written: {}", strerror(error));
}

}  // namespace bulkhead::control::cli
