// SPDX-License-Identifier: Apache-2.0
#include "policy/table/lookup.h"

#include <algorithm>
#include <array>

namespace bulkhead::table {
namespace {

// Six dependent loads a query; each stage starts one load of every query before any of them is
// used. 64 misses in flight are more than the cores have buffers for (10 to 48), so a wider chunk
// would only cost stack.
constexpr std::size_t kChunk = 64;

void prefetch(const void* address) { __builtin_prefetch(address, 0, 3); }

const IdentityRecord& record_of(const TableView& table, IdentityId identity) {
  const bool is_known = identity.value < table.identities().size();
  return table.identities()[is_known ? identity.value : kUnknownIdentity.value];
}

// The number of cuts below the point; branch-free, so that ports an attacker picks cost the same.
std::uint32_t interval_of(const RuleSet& set, std::uint32_t point) {
  std::uint32_t interval = 0;
  for (const std::uint32_t last : set.last) interval += last < point ? 1u : 0u;
  return interval;
}

std::uint32_t decision_of(const TableView& table, const RuleSet& set, std::uint32_t point) {
  if (set.wide == 0) return set.decision[interval_of(set, point)];
  const std::uint32_t page = table.wide_maps()[set.wide - 1].page[point / kPagePoints];
  return table.wide_pages()[page].decision[point % kPagePoints];
}

void lookup_chunk(const TableView& table, Direction direction, const Query* queries,
                  Decision* decisions, std::size_t n) {
  const auto d = static_cast<std::size_t>(direction);
  const auto& rows = table.rows(direction);
  const std::uint32_t stride = table.row_stride(direction);
  std::array<std::uint32_t, kChunk> at;
  std::array<std::uint32_t, kChunk> column;
  std::array<const std::uint32_t*, kChunk> cell;
  std::array<const RuleSet*, kChunk> set;
  std::array<const DecisionRecord*, kChunk> record;

  for (std::size_t i = 0; i < n; ++i) {
    prefetch(&record_of(table, queries[i].subject));
    prefetch(&record_of(table, queries[i].peer));
  }
  for (std::size_t i = 0; i < n; ++i) {
    column[i] = record_of(table, queries[i].peer).peer_class[d];
    at[i] =
        record_of(table, queries[i].subject).subject_class[d] * stride + column[i] / kBlockCells;
    prefetch(&rows[at[i]]);
  }
  for (std::size_t i = 0; i < n; ++i) {
    cell[i] = &table.blocks()[rows[at[i]]].rule_set[column[i] % kBlockCells];
    prefetch(cell[i]);
  }
  for (std::size_t i = 0; i < n; ++i) {
    set[i] = &table.rule_sets()[*cell[i]];
    prefetch(set[i]);
  }
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t point = line_point(queries[i].protocol, queries[i].port);
    record[i] = &table.decisions()[decision_of(table, *set[i], point)];
    prefetch(record[i]);
  }
  for (std::size_t i = 0; i < n; ++i) {
    decisions[i] = {.verdict = static_cast<Verdict>(record[i]->verdict),
                    .staged_verdict = static_cast<Verdict>(record[i]->staged_verdict),
                    .slot = CounterSlot{record[i]->slot},
                    .staged_slot = CounterSlot{record[i]->staged_slot}};
  }
}

}  // namespace

void lookup(const TableView& table, Direction direction, std::span<const Query> queries,
            std::span<Decision> decisions) {
  for (std::size_t done = 0; done < queries.size(); done += kChunk) {
    lookup_chunk(table, direction, queries.data() + done, decisions.data() + done,
                 std::min(kChunk, queries.size() - done));
  }
}

}  // namespace bulkhead::table
