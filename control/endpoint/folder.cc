// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "control/endpoint/record.h"
#include "policy/base/fd.h"

namespace bulkhead::control::endpoint {

namespace fs = std::filesystem;

Result<std::vector<fs::path>> json_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::path& file = entry->path();
    std::error_code ignored;
    if (file.native().ends_with('~')) fs::remove(file, ignored);
    if (file.extension() == ".json") files.push_back(file);
  }
  if (error) return fail_at(folder.native(), "cannot list: {}", error.message());
  std::ranges::sort(files);
  return files;
}

Result<std::string> read_whole(const std::filesystem::path& file) {
  constexpr std::size_t kLimit = std::size_t{64} * 1024;
  // Non-blocking: a FIFO in the folder must not hold the agent up.
  const Fd in(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (!in.is_open() || ::fstat(in.value(), &status) != 0) return fail("{}", strerror(errno));
  if (!S_ISREG(status.st_mode)) return fail("not a regular file");
  std::string text(kLimit + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto got = ::read(in.value(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail("{}", strerror(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > kLimit) return fail("larger than {} bytes", kLimit);
  text.resize(size);
  return text;
}

}  // namespace bulkhead::control::endpoint
