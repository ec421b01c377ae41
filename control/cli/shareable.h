// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace bulkhead::control::cli {

// A manifest file without what may be secret: documents of the policy groups stay as they are
// written; any other (a Secret, a Pod with its environment, a List, what is not plain block YAML)
// becomes a comment that names its kind.
[[nodiscard]] std::string shareable(std::string_view manifest);

}  // namespace bulkhead::control::cli
