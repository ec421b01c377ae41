// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

#include "policy/base/result.h"

namespace bulkhead::parse {

// Refuses what no policy file may hold before the YAML library sees it: invalid UTF-8, NUL and
// other control characters (one of them, 0x04, would silently end the file there). The error's
// `where` is "line:column". Linear time, no memory.
[[nodiscard]] Status check_text(std::string_view text);

// Refuses a run of more than `depth` brackets that open and never close, which the YAML library
// would read to its end before saying anything. Other nesting is bounded while reading.
[[nodiscard]] Status check_bracket_runs(std::string_view text, std::size_t depth);

// True when the quoted scalar that begins at `text` ends in it. The YAML library takes the end of
// the file for a closing quote, and would so swallow the policies behind a forgotten one.
[[nodiscard]] bool is_quote_closed(std::string_view text);

}  // namespace bulkhead::parse
