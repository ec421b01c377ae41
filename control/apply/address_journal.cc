// SPDX-License-Identifier: Apache-2.0
#include "control/apply/address_journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "control/source/read_file.h"
#include "policy/base/whole_file.h"

namespace bulkhead::control::apply {
namespace {

constexpr std::size_t kFileLimit = std::size_t{256} << 20;
constexpr std::size_t kSlackLines = 4096;  // how much longer than its content the file may grow

}  // namespace

Result<AddressJournal> AddressJournal::open(const std::filesystem::path& file) {
  AddressJournal journal(file);
  std::error_code error;
  if (std::filesystem::exists(file, error)) {
    const auto text = source::read_file(file, kFileLimit);
    if (!text) return tl::unexpected(text.error());
    std::string_view rest = *text;
    while (!rest.empty()) {
      const auto end = rest.find('\n');
      if (end == std::string_view::npos) break;  // cut short: it was never sent
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(end + 1);
      const auto address = IpAddress::parse(line.substr(line.empty() ? 0 : 1));
      if (!address) continue;
      if (line.front() == '+') journal.held_.insert(*address);
      if (line.front() == '-') journal.held_.erase(*address);
    }
  }
  if (const Status written = journal.rewrite(); !written) return tl::unexpected(written.error());
  return journal;
}

Status AddressJournal::rewrite() {
  std::string text;
  for (const auto& address : held_) text += "+" + address.text() + "\n";
  const Status written = write_whole(file_, text, Durability::Process);
  if (!written) return written;
  fd_ = Fd(::open(file_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!fd_.is_open()) return fail_at(file_, "cannot open: {}", std::strerror(errno));
  lines_ = held_.size();
  is_torn_ = false;
  return {};
}

Status AddressJournal::append(const std::string& lines, std::size_t count) {
  if (count == 0) return {};
  // Behind a line that was cut short nothing could be read back.
  if (is_torn_) return rewrite();
  const ssize_t written = ::write(fd_.value(), lines.data(), lines.size());
  if (written != static_cast<ssize_t>(lines.size())) {
    is_torn_ = true;
    return fail_at(file_, "cannot write: {}", std::strerror(errno));
  }
  lines_ += count;
  if (lines_ > 2 * held_.size() + kSlackLines) return rewrite();
  return {};
}

Status AddressJournal::will_hold(std::span<const IpAddress> addresses) {
  std::string lines;
  std::vector<IpAddress> added;
  for (const auto& address : addresses) {
    if (!held_.insert(address).second) continue;
    lines += "+" + address.text() + "\n";
    added.push_back(address);
  }
  Status written = append(lines, added.size());
  // What is not on disk must be written by the next attempt.
  if (!written) {
    for (const auto& address : added) held_.erase(address);
  }
  return written;
}

Status AddressJournal::released(std::span<const IpAddress> addresses) {
  std::string lines;
  std::size_t count = 0;
  for (const auto& address : addresses) {
    if (held_.erase(address) == 0) continue;
    lines += "-" + address.text() + "\n";
    ++count;
  }
  return append(lines, count);
}

Status AddressJournal::clear() {
  held_.clear();
  return rewrite();
}

}  // namespace bulkhead::control::apply
