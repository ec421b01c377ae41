// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "policy/base/fd.h"
#include "policy/parse/parse.h"

namespace bulkhead::parse {
namespace {

namespace fs = std::filesystem;

// Reads at most one byte more than allowed, so that an endless file costs no more than a large one.
Result<std::string> read_all(int fd, std::size_t most) {
  constexpr std::size_t kChunk = std::size_t{1} << 16;
  std::string text;
  while (text.size() <= most) {
    const std::size_t before = text.size();
    const std::size_t want = std::min(kChunk, most + 1 - before);
    text.resize(before + want);
    const ssize_t got = ::read(fd, text.data() + before, want);
    if (got < 0 && errno == EINTR) {
      text.resize(before);
      continue;
    }
    if (got < 0) return fail("cannot read: {}", std::strerror(errno));
    text.resize(before + static_cast<std::size_t>(got));
    if (got == 0) break;
  }
  return text;
}

ParsedFile unreadable(std::string name, const std::string& why) {
  ParsedFile file;
  file.errors.push_back({why, name});
  file.name = std::move(name);
  file.is_scope_known = false;
  return file;
}

ParsedFile parse_fd(const std::string& name, int fd, const Limits& limits) {
  const auto text = read_all(fd, limits.file_bytes);
  if (!text) return unreadable(name, text.error().message);
  return parse_file_text(name, *text, limits);
}

void collect(const fs::path& folder, std::vector<fs::path>& files, std::error_code& error) {
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const auto name = entry->path().filename().string();
    if (name.starts_with('.')) continue;
    std::error_code ignored;
    const auto own_type = entry->symlink_status(ignored).type();
    if (own_type == fs::file_type::directory) {
      collect(entry->path(), files, error);
    } else if (is_policy_file_name(name) && !fs::is_directory(entry->path(), ignored)) {
      files.push_back(entry->path());
    }
  }
}

void parse_path(const std::string& path, const Limits& limits, std::vector<ParsedFile>& out) {
  if (path == "-") {
    out.push_back(parse_fd("<stdin>", STDIN_FILENO, limits));
    return;
  }
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    out.push_back(parse_file(path, limits));
    return;
  }
  const auto files = policy_files(path);
  if (!files) {
    out.push_back(unreadable(path, files.error().message));
    return;
  }
  for (const auto& file : *files) out.push_back(parse_file(file, limits));
}

}  // namespace

bool is_policy_file_name(std::string_view name) {
  if (name.starts_with('.') || name.ends_with('~')) return false;
  return name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json");
}

Result<std::vector<fs::path>> policy_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  collect(folder, files, error);
  if (error) return fail_at(folder.string(), "cannot list the folder: {}", error.message());
  std::sort(files.begin(), files.end());
  return files;
}

ParsedFile parse_file(const fs::path& path, const Limits& limits) {
  // O_NONBLOCK: a FIFO or device in the folder must not hang the reader.
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.is_open()) {
    return unreadable(path.string(), fmt::format("cannot open: {}", std::strerror(errno)));
  }
  return parse_fd(path.string(), fd.value(), limits);
}

Parsed parse_paths(const std::vector<std::string>& paths, const Limits& limits) {
  Parsed parsed;
  for (const auto& path : paths) parse_path(path, limits, parsed.files);
  return parsed;
}

}  // namespace bulkhead::parse
