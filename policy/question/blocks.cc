// SPDX-License-Identifier: Apache-2.0
#include "policy/question/blocks.h"

#include <algorithm>
#include <optional>

namespace bulkhead::question {
namespace {

// The block that is `low` and `high` and nothing else.
std::optional<Prefix> joined(const Prefix& low, const Prefix& high) {
  if (low.length() == 0 || low.length() != high.length() || low == high) return std::nullopt;
  const auto parent = Prefix::make(low.address(), low.length() - 1);
  const bool is_whole = parent && parent->address() == low.address() && parent->contains(high);
  return is_whole ? std::optional<Prefix>(*parent) : std::nullopt;
}

}  // namespace

std::vector<Prefix> merged(std::vector<Prefix> blocks) {
  // By address, then the wider first: a block comes after all that hold it.
  std::ranges::sort(blocks);
  std::vector<Prefix> out;
  for (Prefix block : blocks) {
    if (!out.empty() && out.back().contains(block)) continue;
    while (!out.empty()) {
      const auto parent = joined(out.back(), block);
      if (!parent) break;
      block = *parent;
      out.pop_back();
    }
    out.push_back(block);
  }
  return out;
}

}  // namespace bulkhead::question
