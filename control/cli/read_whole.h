// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "policy/base/result.h"

namespace bulkhead::control::cli {

// The bytes of a file (or of what else can be read to an end); a folder is an error that says so.
[[nodiscard]] Result<std::string> read_whole(const std::filesystem::path& file);

}  // namespace bulkhead::control::cli
