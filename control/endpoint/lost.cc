// SPDX-License-Identifier: Apache-2.0
#include "control/endpoint/lost.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "control/api/json.h"
#include "control/endpoint/record.h"
#include "policy/base/whole_file.h"

namespace bulkhead::control::endpoint {

namespace fs = std::filesystem;

Result<LostAttachments> LostAttachments::open(const fs::path& folder, std::vector<Error>& skipped) {
  LostAttachments opened(folder);
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  if (error) return fail_at(folder.string(), "cannot open: {}", error.message());
  const auto files = json_files(folder);
  if (!files) return tl::unexpected(files.error());
  for (const auto& file : *files) {
    const auto text = read_whole(file);
    const auto lost = text ? api::read_lost_attachment(*text)
                           : Result<api::LostAttachment>(tl::unexpected(text.error()));
    if (!lost) {
      skipped.push_back({lost.error().text(), file.string()});
      continue;
    }
    opened.networks_[{lost->container_id, lost->ifname}] = lost->network;
  }
  return opened;
}

Status LostAttachments::add(const api::LostAttachment& lost) {
  if (lost.network.empty()) return {};
  const EndpointKey key{lost.container_id, lost.ifname};
  if (auto checked = check_key(key); !checked) return checked;
  auto written = write_whole(folder_ / file_name_of(key), api::json_of(lost), Durability::Machine);
  if (written) networks_[key] = lost.network;
  return written;
}

Status LostAttachments::remove(const EndpointKey& key) {
  if (networks_.erase(key) == 0) return {};
  const fs::path file = folder_ / file_name_of(key);
  if (::unlink(file.c_str()) == 0 || errno == ENOENT) return {};
  return fail("cannot remove {}: {}", file.string(), strerror(errno));
}

std::vector<api::LostAttachment> LostAttachments::all() const {
  std::vector<api::LostAttachment> found;
  for (const auto& [key, network] : networks_) {
    found.push_back({key.container_id, key.ifname, network});
  }
  return found;
}

}  // namespace bulkhead::control::endpoint
