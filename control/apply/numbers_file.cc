// SPDX-License-Identifier: Apache-2.0
#include "control/apply/numbers_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "control/source/read_file.h"
#include "policy/base/whole_file.h"

namespace bulkhead::control::apply {
namespace {

constexpr std::size_t kFileLimit = std::size_t{1} << 30;
constexpr std::size_t kSlackLines = 4096;  // how much longer than its content the file may grow

Revision read_revision(const std::filesystem::path& file) {
  const auto text = source::read_file(file, 64);
  std::uint64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return Revision(value);
}

// In its place: a file that is renamed over another one waits for the disk on some file systems,
// and this is done for every table. As many digits as any revision has, so that a write is one
// piece of one page, all there or not at all when the process is killed.
Status write_revision(const std::filesystem::path& file, Revision revision) {
  const std::string text = fmt::format("{:020}\n", revision.value);
  const Fd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.is_open() && errno == ENOENT) {
    return write_whole(file, text, Durability::Process);
  }
  if (!fd.is_open()) return fail_at(file, "cannot open: {}", std::strerror(errno));
  if (::pwrite(fd.value(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return fail_at(file, "cannot write: {}", std::strerror(errno));
  }
  return {};
}

Fd open_journal(const std::filesystem::path& file) {
  return Fd(::open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
}

}  // namespace

Result<NumbersFile::Loaded> NumbersFile::open(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return fail_at(folder, "cannot make: {}", error.message());

  Loaded loaded{NumbersFile(folder), {}, read_revision(folder / "revision"), false};
  const auto file = folder / "numbers";
  if (std::filesystem::exists(file, error)) {
    auto text = source::read_file(file, kFileLimit);
    const bool is_torn = text && !text->empty() && text->back() != '\n';
    if (is_torn) text->resize(text->rfind('\n') + 1);
    auto numbers = text ? compile::Numbers::parse(*text)
                        : Result<compile::Numbers>(tl::unexpected(text.error()));
    loaded.was_lost = !numbers.has_value();
    if (numbers) {
      loaded.numbers = std::move(*numbers);
      loaded.file.lines_ = static_cast<std::size_t>(std::ranges::count(*text, '\n'));
      // Behind a line that was cut short nothing could be read back.
      if (!is_torn) loaded.file.journal_ = open_journal(file);
    }
  } else {
    loaded.was_lost = true;
  }
  loaded.numbers.keep_changes();
  return loaded;
}

void NumbersFile::note(const compile::Numbers::Change& change) {
  unwritten_ += compile::Numbers::line_of(change);
  ++unwritten_lines_;
}

Status NumbersFile::append() {
  if (unwritten_.empty()) return {};
  const ssize_t written = ::write(journal_.value(), unwritten_.data(), unwritten_.size());
  if (written != static_cast<ssize_t>(unwritten_.size())) {
    const int why = errno;
    journal_ = Fd();
    return fail_at(folder_ / "numbers", "cannot write: {}", std::strerror(why));
  }
  lines_ += unwritten_lines_;
  unwritten_.clear();
  unwritten_lines_ = 0;
  return {};
}

Status NumbersFile::rewrite(const compile::Numbers& numbers) {
  const auto file = folder_ / "numbers";
  journal_ = Fd();
  const Status written = write_whole(file, numbers.text(), Durability::Process);
  if (!written) return written;
  journal_ = open_journal(file);
  if (!journal_.is_open()) return fail_at(file, "cannot open: {}", std::strerror(errno));
  lines_ = numbers.identities().size() + numbers.slots().size();
  unwritten_.clear();
  unwritten_lines_ = 0;
  return {};
}

Status NumbersFile::save(const compile::Numbers& numbers, Revision revision) {
  const std::size_t live = numbers.identities().size() + numbers.slots().size();
  const bool has_outgrown = lines_ + unwritten_lines_ > 2 * live + kSlackLines;
  const Status written = journal_.is_open() && !has_outgrown ? append() : rewrite(numbers);
  if (!written) return written;
  return write_revision(folder_ / "revision", revision);
}

}  // namespace bulkhead::control::apply
