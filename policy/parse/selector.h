// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "policy/model/labels.h"
#include "policy/parse/report.h"

namespace bulkhead::parse {

// A map of label keys to values; what is not valid is reported and left out.
[[nodiscard]] model::Labels read_labels(Report& report, const Node& node, const Path& path);

// metav1.LabelSelector, strict. On errors the result must not be used: the file is broken.
[[nodiscard]] model::LabelSelector read_selector(Report& report, const Node& node,
                                                 const Path& path);

}  // namespace bulkhead::parse
