// SPDX-License-Identifier: Apache-2.0
#include "control/apply/numbers_file.h"

#include <charconv>

#include "control/source/read_file.h"
#include "control/state/whole_file.h"

namespace bulkhead::control::apply {
namespace {

constexpr std::size_t kFileLimit = std::size_t{1} << 30;

Revision read_revision(const std::filesystem::path& file) {
  const auto text = source::read_file(file, 64);
  std::uint64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return Revision(value);
}

}  // namespace

Result<NumbersFile::Loaded> NumbersFile::open(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return fail_at(folder, "cannot make: {}", error.message());

  Loaded loaded{NumbersFile(folder), {}, read_revision(folder / "revision"), false};
  if (!std::filesystem::exists(folder / "numbers", error)) {
    loaded.was_lost = true;
    return loaded;
  }
  auto text = source::read_file(folder / "numbers", kFileLimit);
  auto numbers = text ? compile::Numbers::parse(*text)
                      : Result<compile::Numbers>(tl::unexpected(text.error()));
  loaded.was_lost = !numbers.has_value();
  if (numbers) {
    loaded.numbers = std::move(*numbers);
    loaded.file.saved_ = std::move(*text);
  }
  return loaded;
}

Status NumbersFile::save(const compile::Numbers& numbers, Revision revision) {
  std::string text = numbers.text();
  if (text != saved_ || text.empty()) {
    const auto written = state::write_whole(folder_ / "numbers", text, state::Durability::Process);
    if (!written) return written;
    saved_ = std::move(text);
  }
  return state::write_whole(folder_ / "revision", std::to_string(revision.value) + "\n",
                            state::Durability::Process);
}

}  // namespace bulkhead::control::apply
