// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "control/endpoint/record.h"
#include "policy/base/fd.h"

namespace bulkhead::control::endpoint {
namespace {

Status write_all(const Fd& file, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(file.value(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return fail("{}", strerror(errno));
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file.value()) != 0) return fail("{}", strerror(errno));
  return {};
}

}  // namespace

Status write_whole(const std::filesystem::path& file, std::string_view text) {
  const std::string temporary = file.string() + ".tmp";
  Fd out(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!out.is_open()) return fail("cannot write {}: {}", temporary, strerror(errno));
  if (auto written = write_all(out, text); !written) {
    ::unlink(temporary.c_str());
    return in_context("cannot write " + temporary, written.error());
  }
  out.reset();
  if (::rename(temporary.c_str(), file.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return fail("cannot rename {}: {}", temporary, strerror(error));
  }
  const Fd folder(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.is_open()) ::fsync(folder.value());
  return {};
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
