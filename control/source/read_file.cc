// SPDX-License-Identifier: Apache-2.0
#include "control/source/read_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "policy/base/fd.h"

namespace bulkhead::control::source {

Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.is_open()) return fail_at(path, "cannot open: {}", std::strerror(errno));
  struct stat status {};
  if (::fstat(fd.value(), &status) != 0) return fail_at(path, "{}", std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return fail_at(path, "is not a regular file");

  // One byte more than it has, so that the read that finds the end needs no more room: callers keep
  // what they read, by the thousand.
  std::string text(std::min(static_cast<std::size_t>(status.st_size), limit) + 1, '\0');
  std::size_t used = 0;
  for (;;) {
    const ssize_t length = ::read(fd.value(), text.data() + used, text.size() - used);
    if (length < 0) return fail_at(path, "cannot read: {}", std::strerror(errno));
    used += static_cast<std::size_t>(length);
    if (used > limit) return fail_at(path, "is larger than {} bytes", limit);
    if (length == 0) break;
    constexpr std::size_t kChunk = 64 * 1024;
    if (used == text.size()) text.resize(used + kChunk);  // it grew meanwhile, or told no size
  }
  text.resize(used);
  return text;
}

}  // namespace bulkhead::control::source
