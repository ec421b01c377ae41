// SPDX-License-Identifier: Apache-2.0
#include "control/state/whole_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "policy/base/fd.h"

namespace bulkhead::control::state {
namespace {

Status write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t length = ::write(fd, text.data(), text.size());
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return fail("{}", std::strerror(errno));
    text.remove_prefix(static_cast<std::size_t>(length));
  }
  return {};
}

}  // namespace

Status write_whole(const std::filesystem::path& file, std::string_view text,
                   Durability durability) {
  // The name is not taken for a policy file, nor for a record.
  const std::filesystem::path temporary = file.native() + ".new~";
  const Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.is_open()) return fail_at(temporary, "cannot create: {}", std::strerror(errno));
  Status written = write_all(fd.value(), text);
  if (written && durability == Durability::Machine && ::fsync(fd.value()) != 0) {
    written = fail("fsync: {}", std::strerror(errno));
  }
  if (!written || ::rename(temporary.c_str(), file.c_str()) != 0) {
    const Error error = written ? Error{std::strerror(errno), file} : written.error();
    ::unlink(temporary.c_str());
    return fail_at(file, "cannot write: {}", error.message);
  }
  if (durability == Durability::Machine) {
    const Fd folder(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.is_open()) ::fsync(folder.value());
  }
  return {};
}

}  // namespace bulkhead::control::state
