// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "control/api/json.h"
#include "control/endpoint/record.h"
#include "control/endpoint/registry.h"

namespace bulkhead::control::endpoint {
namespace {

Result<Tombstone> read_tombstone(const std::filesystem::path& file) {
  const auto text = read_whole(file);
  if (!text) return tl::unexpected(text.error());
  const auto request = api::read_detachment_request(*text);
  if (!request) return tl::unexpected(request.error());
  Tombstone tombstone{{request->container_id, request->ifname}, request->netns, file};
  if (auto checked = check_key(tombstone.key); !checked) return tl::unexpected(checked.error());
  return tombstone;
}

}  // namespace

Tombstones read_tombstones(const std::filesystem::path& folder) {
  Tombstones found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    // Others are temporary files of a plugin at work.
    if (entry->path().extension() != ".json") continue;
    auto tombstone = read_tombstone(entry->path());
    if (tombstone) {
      found.tombstones.push_back(std::move(*tombstone));
    } else {
      found.skipped.push_back({tombstone.error().text(), entry->path().string()});
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    found.skipped.push_back({error.message(), folder.string()});
  }
  std::ranges::sort(found.tombstones, {}, &Tombstone::key);
  return found;
}

Status remove_tombstone(const Tombstone& tombstone) {
  if (::unlink(tombstone.file.c_str()) == 0 || errno == ENOENT) return {};
  return fail("cannot remove {}: {}", tombstone.file.string(), strerror(errno));
}

}  // namespace bulkhead::control::endpoint
