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
  if (const auto settled = settled_at()) consider(*settled);
  for (const auto& unit : absent_) consider(*files_.at(unit).absent_since + kVanishedAfter);
  for (const auto& [path, last_write] : begun_) consider(last_write + kLongestWriting);
  return first;
}

std::optional<Time> DirSource::settled_at() const {
  if (!first_event_) return {};
  // What is being written raises an event when it is closed. Whoever holds a file open without
  // writing is not waited for.
  const bool is_somebody_writing = std::ranges::any_of(
      begun_, [&](const auto& file) { return *last_event_ < file.second + kLongestWait; });
  const std::size_t files = touched_.size() + (is_somebody_writing ? 1 : 0);
  const bool is_one_file = files <= 1 && !needs_rescan_;
  const Time latest = *first_event_ + (is_one_file ? kLongestWait : kLongestWaitOfMany);
  if (is_somebody_writing) return latest;
  return std::min(latest, *last_event_ + (is_one_file ? kQuiet : kQuietOfMany));
}

std::vector<Change> DirSource::read(Time now) {
  std::vector<Change> changes;
  note_events(now);
  const auto settled = settled_at();
  const bool is_settled = settled && now >= *settled;
  const bool is_retry = retry_at_ && now >= *retry_at_;
  if (!was_listed_ || is_settled || is_retry) {
    first_event_.reset();
    last_event_.reset();
    const auto touched = std::exchange(touched_, {});
    if (std::exchange(needs_rescan_, false) || !was_listed_ || is_retry) rescan(now, changes);
    for (const auto& path : touched) look_at(path, now, true, changes);
  }
  read_left_open(now, changes);
  if (!failure_) bury(now, changes);
  return changes;
}

void DirSource::note_events(Time now) {
  const WatchReport report = watch_.drain();
  std::ranges::for_each(report.folders, [this](const fs::path& folder) { watch_new(folder); });
  // A file that is being written again is read when its writer closes it.
  for (const auto& path : report.begun) {
    begun_[path] = now;
    touched_.erase(path);
  }
  for (const auto& path : report.touched) {
    begun_.erase(path);
    touched_.insert(path);
  }
  for (const auto& path : report.changed) {
    if (!begun_.contains(path)) touched_.insert(path);
  }
  needs_rescan_ = needs_rescan_ || report.needs_rescan;
  const bool has_news = !report.touched.empty() || !report.changed.empty() || report.needs_rescan;
  if (has_news && !first_event_) first_event_ = now;
  if (first_event_ && (has_news || report.has_activity)) last_event_ = now;
}

void DirSource::read_left_open(Time now, std::vector<Change>& changes) {
  for (auto file = begun_.begin(); file != begun_.end();) {
    auto& [path, last_write] = *file;
    if (now < last_write + kLongestWriting) {
      ++file;
      continue;
    }
    struct stat status {};
    const bool is_empty = ::stat(path.c_str(), &status) == 0 && status.st_size == 0;
    if (is_empty) {
      last_write = now;
      ++file;
      continue;
    }
    look_at(path, now, true, changes);
    file = begun_.erase(file);
  }
}

// At once: what is written in it from now on raises events. What was there before is found by the
// rescan, which also sees what fails here.
void DirSource::watch_new(const fs::path& folder) {
  if (!watch_.add(folder, FolderKind::Listed)) return;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const bool is_hidden = entry->path().filename().native().starts_with('.');
    std::error_code ignored;
    if (!is_hidden && entry->symlink_status(ignored).type() == fs::file_type::directory) {
      watch_new(entry->path());
    }
  }
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
    if (!begun_.contains(path)) look_at(path, now, false, changes);
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
  // A folder or a device of the name is no file of the name.
  const bool is_absent =
      is_present ? !S_ISREG(status.st_mode) : errno == ENOENT || errno == ENOTDIR;
  if (is_absent) {
    const auto known = files_.find(unit);
    if (known == files_.end() || known->second.absent_since) return;
    known->second.absent_since = now;
    absent_.insert(unit);
    changes.push_back({ChangeKind::Vanishing, unit, nullptr});
    return;
  }

  File& file = files_[unit];
  const bool was_absent = file.absent_since.has_value();
  const Stamp stamp = Stamp::of(status);
  file.absent_since.reset();
  absent_.erase(unit);
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
  std::vector<std::string> dead;
  for (const auto& unit : absent_) {
    if (now >= *files_.at(unit).absent_since + kVanishedAfter) dead.push_back(unit);
  }
  for (const auto& unit : dead) {
    const fs::path path = folder_ / unit;
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
      // It came back without an event reaching us yet.
      look_at(path, now, true, changes);
      continue;
    }
    changes.push_back({ChangeKind::Gone, unit, nullptr});
    files_.erase(unit);
    absent_.erase(unit);
  }
}

}  // namespace bulkhead::control::source
