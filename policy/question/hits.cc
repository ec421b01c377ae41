// SPDX-License-Identifier: Apache-2.0
#include "policy/question/hits.h"

#include <algorithm>

namespace bulkhead::question {

std::uint32_t Hits::block_at(Direction direction, const Classes& subject, std::uint32_t at) const {
  const auto row = subject.record.subject_class[static_cast<std::size_t>(direction)];
  return reach_.view().rows(direction)[row * reach_.view().row_stride(direction) + at];
}

Hits::Cells Hits::cells_of(std::uint32_t block) {
  const auto [known, is_new] = blocks_.try_emplace(block, 0);
  if (!is_new) return known->second;
  Cells cells = 0;
  for (std::uint32_t cell = 0; cell < table::kBlockCells; ++cell) {
    if (is_hit(reach_.view().blocks()[block].rule_set[cell])) cells |= Cells{1} << cell;
  }
  return known->second = cells;
}

bool Hits::is_hit(std::uint32_t rule_set) {
  const auto [known, is_new] = rule_sets_.try_emplace(rule_set, false);
  if (!is_new) return known->second;
  std::uint32_t first = 0;
  for (const auto& piece : reach_.pieces(rule_set)) {
    const bool is_wanted = std::ranges::any_of(points_, [&](const Points& points) {
      return std::max(first, points.first) <= std::min(piece.last, points.last);
    });
    if (piece.verdict == verdict_ && is_wanted) return known->second = true;
    first = piece.last + 1;
  }
  return false;
}

}  // namespace bulkhead::question
