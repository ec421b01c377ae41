// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string_view>

#include "policy/base/result.h"
#include "policy/parse/node.h"
#include "policy/parse/parse.h"

namespace bulkhead::parse {

// Reads the documents of a YAML or JSON text one by one and hands each over as a tree; only one
// lives at a time. The first error (`where` is "line:column") ends the reading. Refused: repeated
// keys, keys that are not strings, tags other than !!str, and whatever exceeds `limits`. The only
// place that knows yaml-cpp.
[[nodiscard]] Status read_documents(std::string_view text, const Limits& limits,
                                    const std::function<void(const Node&)>& on_document);

}  // namespace bulkhead::parse
