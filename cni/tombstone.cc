// SPDX-License-Identifier: Apache-2.0
#include "cni/tombstone.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "control/api/json.h"
#include "policy/base/whole_file.h"

namespace bulkhead::cni {
namespace {

namespace fs = std::filesystem;

fs::path file_of(const Request& request) {
  return request.tombstones() / fmt::format("{}@{}.json", request.container_id, request.ifname);
}

}  // namespace

Status write_tombstone(const Request& request) {
  std::error_code error;
  fs::create_directories(request.tombstones(), error);
  if (error) return fail("cannot make {}: {}", request.tombstones().string(), error.message());
  const std::string text = control::api::json_of(
      control::api::DetachmentRequest{request.container_id, request.ifname, request.netns});
  return write_whole(file_of(request), text, Durability::Machine);
}

Status remove_tombstone(const Request& request) {
  const fs::path file = file_of(request);
  if (::unlink(file.c_str()) == 0 || errno == ENOENT) return {};
  return fail("cannot remove {}: {}", file.string(), strerror(errno));
}

}  // namespace bulkhead::cni
