// SPDX-License-Identifier: Apache-2.0
#include "control/source/read_file.h"

#include <fcntl.h>
#include <sys/stat.h>

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

  std::string text;
  constexpr std::size_t kChunk = 64 * 1024;
  for (;;) {
    const std::size_t have = text.size();
    text.resize(have + kChunk);
    const ssize_t length = ::read(fd.value(), text.data() + have, kChunk);
    if (length < 0) return fail_at(path, "cannot read: {}", std::strerror(errno));
    text.resize(have + static_cast<std::size_t>(length));
    if (length == 0) return text;
    if (text.size() > limit) return fail_at(path, "is larger than {} bytes", limit);
  }
}

}  // namespace bulkhead::control::source
