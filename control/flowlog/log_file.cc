// SPDX-License-Identifier: Apache-2.0
#include "control/flowlog/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>

namespace bulkhead::control::flowlog {
namespace {

constexpr std::size_t kBufferBytes = 64 * 1024;

std::filesystem::path numbered(const std::filesystem::path& file, std::size_t number) {
  return number == 0 ? file : std::filesystem::path(file.string() + "." + std::to_string(number));
}

}  // namespace

LogFile::LogFile(std::filesystem::path file, std::uint64_t rotate_bytes, std::size_t rotated_files)
    : file_(std::move(file)), rotate_bytes_(rotate_bytes), rotated_files_(rotated_files) {}

LogFile::~LogFile() { flush(); }

void LogFile::append(std::string_view line) {
  if (file_.empty()) return;
  buffer_ += line;
  buffer_ += '\n';
  ++buffered_lines_;
  if (buffer_.size() >= kBufferBytes) flush();
}

void LogFile::flush() {
  if (buffer_.empty()) return;
  if (size_ + buffer_.size() > rotate_bytes_) rotate();
  std::string_view left = buffer_;
  if (open()) {
    if (line_is_cut_ && ::write(fd_.value(), "\n", 1) == 1) {
      line_is_cut_ = false;
      ++size_;
    }
    while (!left.empty() && !line_is_cut_) {
      const auto written = ::write(fd_.value(), left.data(), left.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) break;
      size_ += static_cast<std::uint64_t>(written);
      left.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  if (!left.empty()) {
    const auto written = std::string_view(buffer_).substr(0, buffer_.size() - left.size());
    line_is_cut_ = line_is_cut_ || (!written.empty() && !written.ends_with('\n'));
    for (const char c : left) lost_ += c == '\n' ? 1 : 0;
    fd_.reset();  // an error may be the file's end of life: the next flush opens it anew
  }
  buffer_.clear();
}

bool LogFile::open() {
  struct stat status {};
  // A file that somebody else rotated away has no links left under our name.
  const bool is_gone =
      fd_.is_open() && (::fstat(fd_.value(), &status) != 0 || status.st_nlink == 0);
  if (fd_.is_open() && !is_gone) return true;
  fd_ = Fd(::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!fd_.is_open()) return false;
  size_ = ::fstat(fd_.value(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
  if (is_gone) line_is_cut_ = false;
  return true;
}

void LogFile::rotate() {
  if (!open() || size_ == 0) return;
  fd_.reset();
  std::error_code ignored;  // a rotation that fails leaves the file growing, and nothing lost
  if (rotated_files_ == 0) std::filesystem::remove(file_, ignored);
  for (std::size_t number = rotated_files_; number > 0; --number) {
    std::filesystem::rename(numbered(file_, number - 1), numbered(file_, number), ignored);
  }
  size_ = 0;
  line_is_cut_ = false;
}

}  // namespace bulkhead::control::flowlog
