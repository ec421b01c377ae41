// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "policy/base/ids.h"
#include "policy/base/result.h"
#include "policy/table/builder.h"
#include "policy/table/format.h"
#include "policy/table/trie_builder.h"

namespace bulkhead::table {

// The finished arrays of a table; the pointers are borrowed and never null.
struct Arrays {
  const std::vector<IdentityRecord>* identities = nullptr;
  std::array<std::vector<std::uint32_t>, 2> rows;
  std::array<std::uint32_t, 2> row_count{};
  std::array<std::uint32_t, 2> row_stride{};
  const std::vector<Block>* blocks = nullptr;
  const std::vector<RuleSet>* rule_sets = nullptr;
  const std::vector<DecisionRecord>* decisions = nullptr;
  const std::vector<WideMap>* wide_maps = nullptr;
  const std::vector<WidePage>* wide_pages = nullptr;
  const Tries* tries = nullptr;
};

// Cuts the arrays into parts (as small as the limit on sections allows), names them in a header.
// Sections of `last` with the same bytes are shared. Fails when a limit of the format is exceeded.
[[nodiscard]] Result<std::vector<Section>> write_sections(Revision revision, const Arrays& arrays,
                                                          std::span<const Section> last);

// The same table under another revision; all but the header is shared.
[[nodiscard]] std::vector<Section> with_revision(std::vector<Section> sections, Revision revision);

}  // namespace bulkhead::table
