// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "policy/base/result.h"
#include "policy/parse/node.h"
#include "policy/parse/parse.h"

namespace bulkhead::parse {

// Reads a text that is one JSON object (RFC 8259) into the tree that the YAML library would build,
// at many times its speed. Nothing when the text is anything else, valid or not: the YAML library
// then has the word. An error is a limit exceeded or a repeated key, `where` is "line:column".
// `text` must have passed check_text(); it begins at `first_line` of its file.
[[nodiscard]] std::optional<Result<Node>> read_json(std::string_view text, const Limits& limits,
                                                    std::uint32_t first_line = 1);

}  // namespace bulkhead::parse
