// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "policy/base/fd.h"
#include "policy/base/result.h"

namespace bulkhead::control::source {

// What inotify said since the last call, reduced to what a reader must do about it.
struct WatchReport {
  std::set<std::filesystem::path> touched;  // files written, linked or removed: read these again
  std::set<std::filesystem::path> begun;    // files that somebody writes and has not closed
  std::set<std::filesystem::path> changed;  // owner, mode or links: no word about their text
  std::set<std::filesystem::path> folders;  // new ones: to be watched before they are filled
  bool needs_rescan = false;                // folders changed, links were swapped, events were lost
  bool has_activity = false;                // something happened, if only to files of no interest

  // The last of a file's events says how it is.
  void touch(const std::filesystem::path& path) { touched.insert(path), begun.erase(path); }
  void begin(const std::filesystem::path& path) { begun.insert(path), touched.erase(path); }
};

// Why a folder is watched: for the policy files in it, or because links of such a folder lead here
// (then any event may concern a file of another name).
enum class FolderKind : std::uint8_t { Listed, LinkTarget };

// Watches folders (not their sub-folders) through one inotify descriptor. Thread: one.
class Watch {
 public:
  [[nodiscard]] static Result<Watch> open();

  [[nodiscard]] int descriptor() const { return fd_.value(); }
  // Watches a folder; again is harmless. The caller scans the folder *after* this call, so that
  // nothing written in between is missed.
  [[nodiscard]] Status add(const std::filesystem::path& folder, FolderKind kind);
  // Forgets every folder that is not in `keep`.
  void keep_only(const std::set<std::filesystem::path>& keep);
  [[nodiscard]] WatchReport drain();

 private:
  struct Folder {
    std::filesystem::path path;
    FolderKind kind = FolderKind::Listed;
  };

  explicit Watch(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;
  std::map<int, Folder> folders_;  // by watch descriptor
};

}  // namespace bulkhead::control::source
