// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace bulkhead::parse {

// A piece of a file and the line it begins at, from 1.
struct Part {
  std::string_view text;
  std::uint32_t first_line = 1;
};

// The documents of a text of which each is written in braces, as JSON objects joined by `---` are,
// so that each can be read as JSON whatever its size. Any other text is one part. A line of `---`
// parts documents wherever it stands (YAML 1.2, c-forbidden), and no JSON string spans lines.
[[nodiscard]] std::vector<Part> split_documents(std::string_view text);

}  // namespace bulkhead::parse
