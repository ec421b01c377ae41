// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "policy/base/result.h"

namespace bulkhead::control::cli {

// The text of the agent's /metrics at "127.0.0.1:9470". Fails after 3 seconds, and beyond 32 MB.
[[nodiscard]] Result<std::string> scrape(const std::string& listen);

// bulkhead_drops_total by reason, of such a text.
[[nodiscard]] std::map<std::string, std::uint64_t> drops_in(std::string_view metrics);

}  // namespace bulkhead::control::cli
