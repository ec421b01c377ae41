// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "policy/question/reach.h"

namespace bulkhead::question {

// Points [first, last] of the (protocol, port) line.
struct Points {
  std::uint32_t first = 0;
  std::uint32_t last = table::kLineEnd;
  friend auto operator<=>(const Points&, const Points&) = default;
};

// Where subjects decide `verdict` at one of the points at least, found block by block of the
// table, each block once. Borrows the reach. Not thread safe.
class Hits {
 public:
  Hits(Reach& reach, std::vector<Points> points, Verdict verdict)
      : reach_(reach), points_(std::move(points)), verdict_(verdict) {}

  // Calls take(column) for the peers' columns below `columns`, ascending, until it returns false;
  // then returns false.
  template <class Take>
  bool for_each(Direction direction, const Classes& subject, std::uint32_t columns,
                const Take& take) {
    for (std::uint32_t at = 0; at * table::kBlockCells < columns; ++at) {
      for (auto cells = cells_of(block_at(direction, subject, at)); cells != 0;
           cells &= cells - 1) {
        const auto cell = static_cast<std::uint32_t>(std::countr_zero(cells));
        const std::uint32_t column = at * table::kBlockCells + cell;
        if (column < columns && !take(column)) return false;
      }
    }
    return true;
  }

 private:
  using Cells = std::uint64_t;  // of a block, a bit each
  static_assert(table::kBlockCells == 64);

  [[nodiscard]] std::uint32_t block_at(Direction direction, const Classes& subject,
                                       std::uint32_t at) const;
  [[nodiscard]] Cells cells_of(std::uint32_t block);
  [[nodiscard]] bool is_hit(std::uint32_t rule_set);

  Reach& reach_;
  std::vector<Points> points_;
  Verdict verdict_;
  std::unordered_map<std::uint32_t, Cells> blocks_;
  std::unordered_map<std::uint32_t, bool> rule_sets_;
};

}  // namespace bulkhead::question
