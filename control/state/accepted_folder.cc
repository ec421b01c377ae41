// SPDX-License-Identifier: Apache-2.0
#include "control/state/accepted_folder.h"

#include <charconv>
#include <map>
#include <system_error>
#include <vector>

#include "control/source/read_file.h"
#include "policy/base/whole_file.h"
#include "policy/parse/parse.h"

namespace bulkhead::control::state {
namespace {

namespace fs = std::filesystem;

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

}  // namespace

std::string file_name_of(const std::string& unit) {
  std::string name;
  for (const char c : unit) {
    if (is_plain(c)) {
      name += c;
    } else {
      name += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    }
  }
  return name;
}

std::string unit_of(const std::string& file_name) {
  std::string unit;
  for (std::size_t i = 0; i < file_name.size(); ++i) {
    unsigned value = 0;
    const char* const digits = file_name.data() + i + 1;
    const bool is_escape = file_name[i] == '%' && i + 2 < file_name.size() &&
                           std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2;
    unit += is_escape ? static_cast<char>(value) : file_name[i];
    if (is_escape) i += 2;
  }
  return unit;
}

Result<AcceptedFolder> AcceptedFolder::open(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  if (error) return fail_at(folder, "cannot make: {}", error.message());
  return AcceptedFolder(folder);
}

Result<std::map<std::string, std::string>> AcceptedFolder::load() const {
  std::map<std::string, std::string> texts;
  std::error_code error;
  for (fs::directory_iterator entry(folder_, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (name.ends_with('~')) {
      std::error_code ignored;
      fs::remove(entry->path(), ignored);
      continue;
    }
    auto text = source::read_file(entry->path(), parse::Limits{}.file_bytes);
    if (!text) return tl::unexpected(text.error());
    texts.emplace(unit_of(name), std::move(*text));
  }
  if (error) return fail_at(folder_, "cannot read: {}", error.message());
  return texts;
}

Status AcceptedFolder::write(const std::vector<AcceptedChange>& changes) const {
  std::map<fs::path, const AcceptedChange*> last;
  for (const auto& change : changes) last[folder_ / file_name_of(change.unit)] = &change;
  Status status;
  std::vector<WholeText> texts;
  for (const auto& [file, change] : last) {
    if (change->text) {
      texts.push_back({file, *change->text});
      continue;
    }
    std::error_code error;
    fs::remove(file, error);
    if (error && status) status = fail_at(file.native(), "cannot remove: {}", error.message());
  }
  const Status written = write_whole(texts, Durability::Machine);
  return written ? status : written;
}

}  // namespace bulkhead::control::state
