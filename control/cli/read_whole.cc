// SPDX-License-Identifier: Apache-2.0
#include "control/cli/read_whole.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "policy/base/fd.h"

namespace bulkhead::control::cli {

Result<std::string> read_whole(const std::filesystem::path& file) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) {
    return fail_at(file.string(), "is a folder; name a file");
  }
  const Fd opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!opened.is_open()) return fail_at(file.string(), "cannot be opened: {}", strerror(errno));
  constexpr std::size_t kChunk = std::size_t{1} << 16;
  std::string text;
  while (true) {
    const std::size_t before = text.size();
    text.resize(before + kChunk);
    const ssize_t got = ::read(opened.value(), text.data() + before, kChunk);
    const int error = got < 0 ? errno : 0;
    text.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (error == EINTR) continue;
    if (error != 0) return fail_at(file.string(), "cannot be read: {}", strerror(error));
    if (got == 0) return text;
  }
}

}  // namespace bulkhead::control::cli
