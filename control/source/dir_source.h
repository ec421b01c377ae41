// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "control/source/source.h"
#include "control/source/watch.h"

namespace bulkhead::control::source {

// How long a file must be absent before it counts as deleted: editors rename (law 10).
inline constexpr std::chrono::milliseconds kVanishedAfter{500};
// Events of one save arrive together; an edit waits until nothing has happened for so long.
inline constexpr std::chrono::milliseconds kQuiet{1};
// The same once several files are part of it, or a folder: whoever copies them may pause.
inline constexpr std::chrono::milliseconds kQuietOfMany{5};
// A stream of events delays an edit no longer than this, and a copy of several files.
inline constexpr std::chrono::milliseconds kLongestWait{20};
inline constexpr std::chrono::milliseconds kLongestWaitOfMany{100};
// A file that somebody writes is read when it is closed; one that stays open, or whose closing was
// missed, so long after the last write to it. An empty one says nothing before it is closed.
inline constexpr std::chrono::milliseconds kLongestWriting{2000};
// How often a folder that cannot be read is tried again.
inline constexpr std::chrono::milliseconds kRetry{500};

// Every policy file below one folder, followed with inotify. A unit is a file, named by its path
// below the folder. The folder itself gone or unreadable is a failure, never "all files deleted".
class DirSource final : public Source {
 public:
  // `known` are the units that were accepted before a restart: those that the first listing does
  // not find are vanishing, not unheard of.
  [[nodiscard]] static Result<std::unique_ptr<DirSource>> open(std::filesystem::path folder,
                                                               std::vector<std::string> known);

  [[nodiscard]] int descriptor() const override { return watch_.descriptor(); }
  [[nodiscard]] std::optional<Time> deadline() const override;
  [[nodiscard]] std::vector<Change> read(Time now) override;
  [[nodiscard]] std::optional<Error> failure() const override { return failure_; }

 private:
  // Enough to see on a rescan that a file is another one or was written.
  struct Stamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    timespec modified{};
    timespec changed{};
    [[nodiscard]] static Stamp of(const struct stat& status);
    [[nodiscard]] bool equals(const Stamp& other) const;
  };
  struct File {
    Stamp stamp;
    ContentPtr content;                // null until read once
    std::optional<Time> absent_since;  // vanishing
  };

  DirSource(std::filesystem::path folder, Watch watch)
      : folder_(std::move(folder)), watch_(std::move(watch)) {}

  void note_events(Time now);
  // When what happened since the first event is one change; nothing when nothing did.
  [[nodiscard]] std::optional<Time> settled_at() const;
  void read_left_open(Time now, std::vector<Change>& changes);
  void watch_new(const std::filesystem::path& folder);
  [[nodiscard]] Result<std::set<std::filesystem::path>> watch_tree();
  void rescan(Time now, std::vector<Change>& changes);
  void look_at(const std::filesystem::path& path, Time now, bool was_touched,
               std::vector<Change>& changes);
  void bury(Time now, std::vector<Change>& changes);

  std::filesystem::path folder_;
  Watch watch_;
  std::map<std::string, File> files_;
  std::set<std::string> absent_;  // units that are vanishing
  std::set<std::filesystem::path> touched_;
  std::map<std::filesystem::path, Time> begun_;  // being written; the last write that was seen
  bool needs_rescan_ = true;
  bool was_listed_ = false;
  std::optional<Time> first_event_;
  std::optional<Time> last_event_;
  std::optional<Time> retry_at_;
  std::optional<Error> failure_;
};

}  // namespace bulkhead::control::source
