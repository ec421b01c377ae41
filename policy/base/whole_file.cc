// SPDX-License-Identifier: Apache-2.0
#include "policy/base/whole_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <set>
#include <vector>

#include "policy/base/fd.h"

namespace bulkhead {
namespace {

namespace fs = std::filesystem;

std::string beside(const fs::path& file) {
  return fmt::format("{}.{}~", file.native(), ::getpid());
}

// The functions below return 0 or an errno.

int write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t length = ::write(file, text.data(), text.size());
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(length));
  }
  return 0;
}

int make(const std::string& path, std::string_view text, Durability durability) {
  ::unlink(path.c_str());  // of a process that had this number before
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.is_open()) return errno;
  if (const int error = write_all(file.value(), text)) return error;
  // Its way to the disk begins, so that one wait serves all the files of a call. A hint: what fails
  // here fails again when it is waited for.
  if (durability == Durability::Machine) {
    ::sync_file_range(file.value(), 0, 0, SYNC_FILE_RANGE_WRITE);
  }
  return 0;
}

int sync(const std::string& path, int flags) {
  const Fd file(::open(path.c_str(), flags | O_CLOEXEC));
  return file.is_open() && ::fsync(file.value()) == 0 ? 0 : errno;
}

int put_in_place(const fs::path& file, Durability durability) {
  const std::string made = beside(file);
  if (durability == Durability::Machine) {
    if (const int error = sync(made, O_WRONLY)) return error;
  }
  return ::rename(made.c_str(), file.c_str()) == 0 ? 0 : errno;
}

}  // namespace

Status write_whole(const fs::path& file, std::string_view text, Durability durability) {
  const WholeText whole{file, text};
  return write_whole(std::span(&whole, 1), durability);
}

Status write_whole(const fs::path& file, std::span<const std::byte> bytes, Durability durability) {
  const auto* const characters = reinterpret_cast<const char*>(bytes.data());
  return write_whole(file, std::string_view(characters, bytes.size()), durability);
}

Status write_whole(std::span<const WholeText> texts, Durability durability) {
  Status status;
  const auto refuse = [&status](const fs::path& file, int error) {
    ::unlink(beside(file).c_str());
    if (status) status = fail_at(file.native(), "cannot be written: {}", std::strerror(error));
  };

  std::vector<const fs::path*> made;
  made.reserve(texts.size());
  for (const auto& [file, text] : texts) {
    if (const int error = make(beside(file), text, durability)) {
      refuse(file, error);
    } else {
      made.push_back(&file);
    }
  }
  std::set<fs::path> folders;
  for (const fs::path* file : made) {
    if (const int error = put_in_place(*file, durability)) {
      refuse(*file, error);
    } else if (durability == Durability::Machine) {
      folders.insert(file->parent_path());
    }
  }
  // A file system that cannot sync a folder keeps its files all the same.
  for (const auto& folder : folders) sync(folder, O_RDONLY | O_DIRECTORY);
  return status;
}

}  // namespace bulkhead
