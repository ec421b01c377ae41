// SPDX-License-Identifier: Apache-2.0
#include "control/agent/process_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

namespace bulkhead::control::agent {
namespace {

std::string holder_of(const Fd& file) {
  std::array<char, 16> text{};
  const ssize_t length = ::pread(file.value(), text.data(), text.size(), 0);
  if (length <= 0) return "unknown";
  return std::string(text.data(), static_cast<std::size_t>(length));
}

}  // namespace

Result<Fd> lock_process_file(const std::filesystem::path& file, std::string_view program) {
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  if (error) return fail_at(file.parent_path(), "cannot make this folder: {}", error.message());
  Fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.is_open()) return fail_at(file, "cannot open: {}", std::strerror(errno));
  if (::flock(fd.value(), LOCK_EX | LOCK_NB) != 0) {
    return fail_at(file,
                   "another {} (process {}) runs on this root; stop it or give this one its own "
                   "--root and `instance`",
                   program, holder_of(fd));
  }
  // The number only helps whoever is refused: a full disk is no reason not to run.
  const std::string own = std::to_string(::getpid());
  if (::ftruncate(fd.value(), 0) == 0) {
    static_cast<void>(::pwrite(fd.value(), own.data(), own.size(), 0));
  }
  return fd;
}

}  // namespace bulkhead::control::agent
