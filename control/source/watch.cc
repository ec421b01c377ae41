// SPDX-License-Identifier: Apache-2.0
#include "control/source/watch.h"

#include <sys/inotify.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "policy/parse/parse.h"

namespace bulkhead::control::source {
namespace {

constexpr std::uint32_t kEvents = IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM |
                                  IN_DELETE | IN_CREATE | IN_ATTRIB | IN_DELETE_SELF |
                                  IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK;

// A regular file that was just created is still being written: IN_CLOSE_WRITE follows. A symbolic
// or a second hard link appears complete, with IN_CREATE only.
bool is_complete_at_creation(const std::filesystem::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return false;
  return S_ISLNK(status.st_mode) || status.st_nlink > 1;
}

// ConfigMap volumes swap a link called `..data`: MOVED_TO of that name is the only trace.
bool is_link_swap(std::string_view name) { return name.starts_with(".."); }

}  // namespace

Result<Watch> Watch::open() {
  Fd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd.is_open()) return fail("inotify_init1: {}", std::strerror(errno));
  return Watch(std::move(fd));
}

Status Watch::add(const std::filesystem::path& folder, FolderKind kind) {
  const int descriptor = ::inotify_add_watch(fd_.value(), folder.c_str(), kEvents);
  if (descriptor < 0) return fail_at(folder, "cannot watch: {}", std::strerror(errno));
  folders_[descriptor] = {folder, kind};
  return {};
}

void Watch::keep_only(const std::set<std::filesystem::path>& keep) {
  for (auto it = folders_.begin(); it != folders_.end();) {
    if (keep.contains(it->second.path)) {
      ++it;
      continue;
    }
    ::inotify_rm_watch(fd_.value(), it->first);
    it = folders_.erase(it);
  }
}

WatchReport Watch::drain() {
  WatchReport report;
  alignas(inotify_event) std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t length = ::read(fd_.value(), buffer.data(), buffer.size());
    if (length <= 0) return report;
    const char* cursor = buffer.data();
    const char* const end = cursor + length;
    while (cursor < end) {
      inotify_event event;
      std::memcpy(&event, cursor, sizeof event);
      const std::string_view name = event.len == 0 ? "" : cursor + sizeof event;
      cursor += sizeof event + event.len;

      const auto folder = folders_.find(event.wd);
      if ((event.mask & (IN_Q_OVERFLOW | IN_MOVE_SELF | IN_DELETE_SELF | IN_IGNORED)) != 0) {
        if ((event.mask & IN_IGNORED) != 0 && folder != folders_.end()) folders_.erase(folder);
        report.needs_rescan = true;
        continue;
      }
      if (folder == folders_.end() || name.empty()) continue;
      report.has_activity = true;
      // A write into what a link leads to counts when its writer closes it, as any other.
      const bool is_write = (event.mask & IN_MODIFY) != 0;
      if (is_write && folder->second.kind == FolderKind::LinkTarget) continue;
      if ((event.mask & IN_ISDIR) != 0 || is_link_swap(name) ||
          folder->second.kind == FolderKind::LinkTarget) {
        report.needs_rescan = true;
        const bool is_new_folder =
            (event.mask & IN_ISDIR) != 0 && (event.mask & (IN_CREATE | IN_MOVED_TO)) != 0;
        const bool is_listed = folder->second.kind == FolderKind::Listed && !name.starts_with('.');
        if (is_new_folder && is_listed) report.folders.insert(folder->second.path / name);
        continue;
      }
      if (!parse::is_policy_file_name(name)) continue;
      const std::filesystem::path path = folder->second.path / name;
      const bool is_created = (event.mask & IN_CREATE) != 0;
      if (is_write || (is_created && !is_complete_at_creation(path))) {
        report.begin(path);
      } else if ((event.mask & IN_ATTRIB) != 0) {
        report.changed.insert(path);
      } else {
        report.touch(path);
      }
    }
  }
}

}  // namespace bulkhead::control::source
