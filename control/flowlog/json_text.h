// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bulkhead::control::flowlog {

// A JSON string, quotes included. Bytes that are not ASCII become U+FFFD: names here are ASCII by
// rule, and what is not may be an attack on whoever reads the log.
[[nodiscard]] std::string json_string(std::string_view text);

// RFC 3339 in UTC with nanoseconds: "2026-01-31T10:00:00.000000001Z".
[[nodiscard]] std::string time_text(std::uint64_t time_ns);

}  // namespace bulkhead::control::flowlog
