// SPDX-License-Identifier: Apache-2.0
#include "control/cli/whole_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
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
