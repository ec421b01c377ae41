// SPDX-License-Identifier: Apache-2.0
#include "control/apply/in_force.h"

#include <algorithm>

#include "policy/table/format.h"

namespace bulkhead::control::apply {

bool answer_alike(const compile::CompiledTable& one, const compile::CompiledTable& other) {
  // The header holds the revision, and otherwise only names the sections.
  constexpr auto kHeader = table::section_id(table::SectionKind::Header, 0);
  return std::ranges::equal(one.sections, other.sections, [&](const auto& a, const auto& b) {
    return a.kind == b.kind && (a.kind == kHeader || a.checksum == b.checksum);
  });
}

}  // namespace bulkhead::control::apply
