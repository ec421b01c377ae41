// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "control/api/types.h"
#include "control/endpoint/registry.h"
#include "policy/base/result.h"

namespace bulkhead::control::endpoint {

// Attachments that ended without a DEL: their addresses are still leased with an IPAM plugin, which
// only bulkhead-cni can run. One file each in a folder, written whole, so that neither a restart
// nor a reboot leaks an address. Thread: one, the owner's.
class LostAttachments {
 public:
  // Makes the folder when missing. Files that are no record stay and are named in `skipped`.
  [[nodiscard]] static Result<LostAttachments> open(const std::filesystem::path& folder,
                                                    std::vector<Error>& skipped);

  // On disk when it returns. Without a network nobody could ever ask for it: it is not kept.
  [[nodiscard]] Status add(const api::LostAttachment& lost);
  // Its addresses were given back, or it is attached again. Succeeds for the unknown.
  [[nodiscard]] Status remove(const EndpointKey& key);
  // In order of key.
  [[nodiscard]] std::vector<api::LostAttachment> all() const;

 private:
  explicit LostAttachments(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::filesystem::path folder_;
  std::map<EndpointKey, std::string> networks_;
};

}  // namespace bulkhead::control::endpoint
