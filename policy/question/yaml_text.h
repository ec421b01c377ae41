// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace bulkhead::question {

// A JSON object as one YAML document in block style, the way people write manifests: no quotes
// where none are needed. Ends in a newline.
[[nodiscard]] std::string yaml_text(const nlohmann::ordered_json& object);

}  // namespace bulkhead::question
