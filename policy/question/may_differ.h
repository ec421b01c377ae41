// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "policy/base/result.h"
#include "policy/question/reach.h"

namespace bulkhead::question {

// One end in the tables of two versions of a cluster.
struct EndInBoth {
  Classes before;
  Classes after;
};

inline constexpr std::size_t kMaxPairsToCompare = 20'000'000;

// By rule set of each table a number for what it allows, whatever rule says so: equal numbers,
// equal verdicts.
struct Meanings {
  std::vector<std::uint32_t> before;
  std::vector<std::uint32_t> after;
};
[[nodiscard]] Meanings meanings_of(Reach& before, Reach& after);

// The pairs (from, to) of `ends`, by place and ascending, for which an end's own policies may give
// another verdict than before: any other pair's verdicts are the same on every port. Found cell by
// cell where blocks of the tables differ, so that a small change is found at the cost of the rows.
// Fails beyond kMaxPairsToCompare.
[[nodiscard]] Result<std::vector<std::pair<std::uint32_t, std::uint32_t>>> pairs_that_may_differ(
    const Reach& before, const Reach& after, const Meanings& meanings,
    std::span<const EndInBoth> ends);

}  // namespace bulkhead::question
