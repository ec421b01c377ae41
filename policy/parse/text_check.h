// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "policy/base/result.h"

namespace bulkhead::parse {

// Refuses what no policy file may hold before the YAML library sees it: invalid UTF-8, NUL and
// other control characters (one of them, 0x04, would silently end the file there). The error's
// `where` is "line:column". Linear time, no memory.
[[nodiscard]] Status check_text(std::string_view text);

}  // namespace bulkhead::parse
