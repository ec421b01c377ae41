// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policy/model/cluster.h"
#include "policy/model/labels.h"

namespace bulkhead::compile {

// The compiler's own reading of metav1.LabelSelector; the oracle has another (law 4).
[[nodiscard]] bool matches(const model::LabelSelector& selector, const model::Namespace& ns);
[[nodiscard]] bool matches(const model::LabelSelector& selector, const model::Node& node);
// A pod's service account answers for its label, which users cannot set.
[[nodiscard]] bool matches(const model::LabelSelector& selector, const model::Pod& pod);

// A label that every object the selector matches must have, the one to search an index by.
struct LabelTerm {
  std::string_view key;
  std::string_view value;
};
[[nodiscard]] std::optional<LabelTerm> required_term(const model::LabelSelector& selector);

// Equal texts, equal meaning: what resolved selectors are remembered by.
[[nodiscard]] std::string text_of(const model::LabelSelector& selector);

// Appends `part` so that no two sequences of parts give the same text.
void append_part(std::string& text, std::string_view part);

}  // namespace bulkhead::compile
