// SPDX-License-Identifier: Apache-2.0
#include "control/source/dir_source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "control/source/read_file.h"

namespace bulkhead::control::source {
namespace {

namespace fs = std::filesystem;

bool same_time(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

// Nobody can say what an unreadable file wanted to close: its scope is unknown.
parse::ParsedFile unreadable(const std::string& unit, const Error& error) {
  parse::ParsedFile file;
  file.name = unit;
  file.errors.push_back({error.message, unit});
  file.is_scope_known = false;
  return file;
}

ContentPtr load(const fs::path& path, const std::string& unit) {
  auto content = std::make_shared<Content>();
  auto text = read_file(path, parse::Limits{}.file_bytes);
  if (text) {
    content->text = std::move(*text);
    content->parsed = parse::parse_file_text(unit, content->text);
  } else {
    content->parsed = unreadable(unit, text.error());
  }
  return content;
}

}  // namespace

DirSource::Stamp DirSource::Stamp::of(const struct stat& status) {
  return {status.st_dev, status.st_ino, status.st_size, status.st_mtim, status.st_ctim};
}

bool DirSource::Stamp::equals(const Stamp& other) const {
  return device == other.device && inode == other.inode && size == other.size &&
         same_time(modified, other.modified) && same_time(changed, other.changed);
}

Result<std::unique_ptr<DirSource>> DirSource::open(fs::path folder,
                                                   std::vector<std::string> known) {
  auto watch = Watch::open();
  if (!watch) return tl::unexpected(watch.error());
  std::unique_ptr<DirSource> source(new DirSource(std::move(folder), std::move(*watch)));
  for (auto& unit : known) source->files_[std::move(unit)];
  return source;
}

std::optional<Time> DirSource::deadline() const {
  if (!was_listed_ && !retry_at_) return Time::min();
  std::optional<Time> first = retry_at_;
  const auto consider = [&first](Time time) { first = first ? std::min(*first, time) : time; };
  if (first_event_) consider(std::min(*last_event_ + kQuiet, *first_event_ + kLongestWait));
  for (const auto& [unit, file] : files_) {
    if (file.absent_since) consider(*file.absent_since + kVanishedAfter);
  }
  return first;
}

std::vector<Change> DirSource::read(Time now) {
  std::vector<Change> changes;
  note_events(now);
  const bool is_settled =
      first_event_ && (now >= *last_event_ + kQuiet || now >= *first_event_ + kLongestWait);
  const bool is_retry = retry_at_ && now >= *retry_at_;
  if (!was_listed_ || is_settled || is_retry) {
    first_event_.reset();
    last_event_.reset();
    const auto touched = std::exchange(touched_, {});
    if (std::exchange(needs_rescan_, false) || !was_listed_ || is_retry) rescan(now, changes);
    for (const auto& path : touched) look_at(path, now, true, changes);
  }
  if (!failure_) bury(now, changes);
  return changes;
}

void DirSource::note_events(Time now) {
  WatchReport report = watch_.drain();
  if (report.touched.empty() && !report.needs_rescan) return;
  touched_.merge(report.touched);
  needs_rescan_ = needs_rescan_ || report.needs_rescan;
  if (!first_event_) first_event_ = now;
  last_event_ = now;
}

// Watches every folder of the tree, and the folders that links of the tree lead into. Each watch is
// set before its folder is read; what appears later raises an event.
Result<std::set<fs::path>> DirSource::watch_tree() {
  std::set<fs::path> watched;
  if (const Status added = watch_.add(folder_, FolderKind::Listed); !added) {
    return tl::unexpected(added.error());
  }
  watched.insert(folder_);

  std::error_code error;
  fs::recursive_directory_iterator entry(folder_, error), end;
  if (error) return fail_at(folder_, "cannot read: {}", error.message());
  std::set<fs::path> targets;
  while (entry != end) {
    const fs::path path = entry->path();
    const bool is_hidden = path.filename().native().starts_with('.');
    if (entry->is_symlink(error)) {
      if (!is_hidden) {
        const fs::path target = fs::weakly_canonical(path, error);
        if (!error) targets.insert(target.parent_path());
      }
    } else if (entry->is_directory(error)) {
      if (is_hidden) {
        entry.disable_recursion_pending();
      } else if (watch_.add(path, FolderKind::Listed)) {
        watched.insert(path);
      }
    }
    entry.increment(error);
    if (error) break;  // a folder vanished while it was read; its parent's event brings us back
  }
  for (const auto& target : targets) {
    if (!watched.contains(target) && watch_.add(target, FolderKind::LinkTarget)) {
      watched.insert(target);
    }
  }
  return watched;
}

void DirSource::rescan(Time now, std::vector<Change>& changes) {
  const auto watched = watch_tree();
  auto listed = watched ? parse::policy_files(folder_)
                        : Result<std::vector<fs::path>>(tl::unexpected(watched.error()));
  if (!listed) {
    failure_ = listed.error();
    retry_at_ = now + kRetry;
    return;
  }
  watch_.keep_only(*watched);
  failure_.reset();
  retry_at_.reset();
  was_listed_ = true;

  std::set<std::string> present;
  for (const auto& path : *listed) {
    present.insert(path.lexically_relative(folder_));
    look_at(path, now, false, changes);
  }
  for (auto& [unit, file] : files_) {
    if (!present.contains(unit)) look_at(folder_ / unit, now, false, changes);
  }
}

void DirSource::look_at(const fs::path& path, Time now, bool was_touched,
                        std::vector<Change>& changes) {
  const std::string unit = path.lexically_relative(folder_);
  struct stat status {};
  const bool is_present = ::stat(path.c_str(), &status) == 0;
  if (!is_present && (errno == ENOENT || errno == ENOTDIR)) {
    const auto known = files_.find(unit);
    if (known == files_.end() || known->second.absent_since) return;
    known->second.absent_since = now;
    changes.push_back({ChangeKind::Vanishing, unit, nullptr});
    return;
  }
  if (is_present && !S_ISREG(status.st_mode)) return;

  File& file = files_[unit];
  const bool was_absent = file.absent_since.has_value();
  const Stamp stamp = Stamp::of(status);
  file.absent_since.reset();
  const bool is_same = file.content && !was_touched && is_present && stamp.equals(file.stamp);
  if (is_same && !was_absent) return;

  ContentPtr content = load(path, unit);
  file.stamp = stamp;
  const bool is_repeated = file.content && !was_absent && content->text == file.content->text &&
                           content->parsed.is_broken() == file.content->parsed.is_broken();
  if (is_repeated) return;
  file.content = content;
  changes.push_back({ChangeKind::Present, unit, std::move(content)});
}

void DirSource::bury(Time now, std::vector<Change>& changes) {
  for (auto it = files_.begin(); it != files_.end();) {
    const bool is_dead =
        it->second.absent_since && now >= *it->second.absent_since + kVanishedAfter;
    if (!is_dead) {
      ++it;
      continue;
    }
    struct stat status {};
    if (::stat((folder_ / it->first).c_str(), &status) == 0) {
      // It came back without an event reaching us yet.
      const fs::path path = folder_ / it->first;
      ++it;
      look_at(path, now, true, changes);
      continue;
    }
    changes.push_back({ChangeKind::Gone, it->first, nullptr});
    it = files_.erase(it);
  }
}

}  // namespace bulkhead::control::source
