// SPDX-License-Identifier: Apache-2.0
#include "policy/question/may_differ.h"

#include <algorithm>
#include <bit>
#include <map>
#include <unordered_map>

namespace bulkhead::question {
namespace {

using Place = std::uint32_t;  // in `ends`
using Pair = std::pair<Place, Place>;
// A row or a column, in the table of before and in the one of after.
using InBoth = std::pair<std::uint32_t, std::uint32_t>;

// What a rule set allows, as the points where its verdict changes, denied first.
std::vector<std::uint32_t> borders_of(Reach& reach, std::uint32_t rule_set) {
  std::vector<std::uint32_t> borders;
  Verdict verdict = Verdict::Deny;
  std::uint32_t first = 0;
  for (const auto& piece : reach.pieces(rule_set)) {
    if (piece.verdict != verdict) borders.push_back(first);
    verdict = piece.verdict;
    first = piece.last + 1;
  }
  return borders;
}

struct Version {
  const table::TableView& view;
  const std::vector<std::uint32_t>& meanings;  // by rule set

  [[nodiscard]] std::uint32_t block_at(Direction direction, std::uint32_t row,
                                       std::uint32_t at) const {
    return view.rows(direction)[row * view.row_stride(direction) + at];
  }
  [[nodiscard]] std::uint32_t in_block(std::uint32_t block, std::uint32_t cell) const {
    return meanings[view.blocks()[block].rule_set[cell]];
  }
  [[nodiscard]] std::uint32_t at(Direction direction, std::uint32_t row,
                                 std::uint32_t column) const {
    const std::uint32_t block = block_at(direction, row, column / table::kBlockCells);
    return in_block(block, column % table::kBlockCells);
  }
};

class Finder {
 public:
  Finder(const Version& before, const Version& after, std::span<const EndInBoth> ends)
      : before_(before), after_(after), ends_(ends) {}

  [[nodiscard]] Result<std::vector<Pair>> find() {
    for (const auto direction : kDirections) {
      if (!find(direction)) {
        return fail(
            "the changes touch more than {} pairs of kinds of pods and addresses: compare a part "
            "of the cluster",
            kMaxPairsToCompare);
      }
    }
    std::ranges::sort(pairs_);
    const auto rest = std::ranges::unique(pairs_);
    pairs_.erase(rest.begin(), rest.end());
    return std::move(pairs_);
  }

 private:
  using Cells = std::uint64_t;  // of a block, a bit each
  static_assert(table::kBlockCells == 64);

  [[nodiscard]] bool find(Direction direction) {
    const auto d = static_cast<std::size_t>(direction);
    std::map<InBoth, std::vector<Place>> subjects;  // by row
    std::map<InBoth, std::vector<Place>> moved;     // peers, by column
    std::vector<std::vector<Place>> staying;        // peers, by the column that is theirs in both
    for (Place i = 0; i < ends_.size(); ++i) {
      const auto& [before, after] = ends_[i];
      if (before.is_pod) {
        const InBoth row{before.record.subject_class[d], after.record.subject_class[d]};
        subjects[row].push_back(i);
      }
      const InBoth column{before.record.peer_class[d], after.record.peer_class[d]};
      if (column.first != column.second) {
        moved[column].push_back(i);
        continue;
      }
      staying.resize(std::max<std::size_t>(staying.size(), column.first + 1));
      staying[column.first].push_back(i);
    }
    for (const auto& [row, places] : subjects) {
      std::vector<Place> peers = peers_of(direction, row, staying);
      for (const auto& [column, of_column] : moved) {
        const bool is_same = before_.at(direction, row.first, column.first) ==
                             after_.at(direction, row.second, column.second);
        if (!is_same) peers.insert(peers.end(), of_column.begin(), of_column.end());
      }
      if (pairs_.size() + places.size() * peers.size() > kMaxPairsToCompare) return false;
      for (const Place subject : places) {
        for (const Place peer : peers) {
          const bool is_egress = direction == Direction::Egress;
          pairs_.emplace_back(is_egress ? subject : peer, is_egress ? peer : subject);
        }
      }
    }
    return true;
  }

  [[nodiscard]] std::vector<Place> peers_of(Direction direction, const InBoth& row,
                                            std::span<const std::vector<Place>> staying) {
    std::vector<Place> peers;
    for (std::uint32_t at = 0; at * table::kBlockCells < staying.size(); ++at) {
      const InBoth block{before_.block_at(direction, row.first, at),
                         after_.block_at(direction, row.second, at)};
      if (block.first == block.second && is_same(block.first)) continue;
      for (Cells cells = differing(block); cells != 0; cells &= cells - 1) {
        const std::size_t column =
            at * table::kBlockCells + static_cast<unsigned>(std::countr_zero(cells));
        if (column >= staying.size()) break;
        peers.insert(peers.end(), staying[column].begin(), staying[column].end());
      }
    }
    return peers;
  }

  // The quick way for what most rows are made of: the block that was there before.
  [[nodiscard]] bool is_same(std::uint32_t block) {
    enum : std::uint8_t { kUnknown, kSame, kDifferent };
    seen_.resize(std::max<std::size_t>(seen_.size(), block + 1), kUnknown);
    auto& seen = seen_[block];
    if (seen == kUnknown) seen = differing({block, block}) == 0 ? kSame : kDifferent;
    return seen == kSame;
  }

  // Rows share blocks, so each two are compared once.
  [[nodiscard]] Cells differing(const InBoth& block) {
    const auto key = std::uint64_t{block.first} << 32 | block.second;
    const auto [known, is_new] = differing_.try_emplace(key, 0);
    if (!is_new) return known->second;
    for (std::uint32_t cell = 0; cell < table::kBlockCells; ++cell) {
      const bool is_same =
          before_.in_block(block.first, cell) == after_.in_block(block.second, cell);
      if (!is_same) known->second |= Cells{1} << cell;
    }
    return known->second;
  }

  const Version& before_;
  const Version& after_;
  std::span<const EndInBoth> ends_;
  std::vector<std::uint8_t> seen_;  // by block
  std::unordered_map<std::uint64_t, Cells> differing_;
  std::vector<Pair> pairs_;
};

}  // namespace

Meanings meanings_of(Reach& before, Reach& after) {
  std::map<std::vector<std::uint32_t>, std::uint32_t> numbers;
  const auto of_rule_sets = [&numbers](Reach& reach) {
    std::vector<std::uint32_t> meanings;
    for (std::uint32_t i = 0; i < reach.view().rule_sets().size(); ++i) {
      const auto next = static_cast<std::uint32_t>(numbers.size());
      meanings.push_back(numbers.emplace(borders_of(reach, i), next).first->second);
    }
    return meanings;
  };
  auto old_meanings = of_rule_sets(before);
  return {std::move(old_meanings), of_rule_sets(after)};
}

Result<std::vector<Pair>> pairs_that_may_differ(const Reach& before, const Reach& after,
                                                const Meanings& meanings,
                                                std::span<const EndInBoth> ends) {
  const Version old_version{before.view(), meanings.before};
  const Version new_version{after.view(), meanings.after};
  return Finder(old_version, new_version, ends).find();
}

}  // namespace bulkhead::question
