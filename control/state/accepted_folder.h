// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "control/state/store.h"

namespace bulkhead::control::state {

// /var/lib/bulkhead/accepted/: the last accepted text of each unit, one file each, written whole
// (temporary file, fsync, rename). Names are percent-encoded units. Thread: one.
class AcceptedFolder {
 public:
  // Makes the folder, 0700.
  [[nodiscard]] static Result<AcceptedFolder> open(const std::filesystem::path& folder);

  // By unit. Left-over temporary files are removed.
  [[nodiscard]] Result<std::map<std::string, std::string>> load() const;
  // Of several changes of a unit the last counts. The first error; the other files are written.
  [[nodiscard]] Status write(const std::vector<AcceptedChange>& changes) const;

 private:
  explicit AcceptedFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path folder_;
};

[[nodiscard]] std::string file_name_of(const std::string& unit);
[[nodiscard]] std::string unit_of(const std::string& file_name);

}  // namespace bulkhead::control::state
