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

using Identities = PartedArray<IdentityRecord>::Reader;

const IdentityRecord* record_of(const Identities& identities, IdentityId identity) {
  const bool is_known = identity.value < identities.size;
  return &identities[is_known ? identity.value : kUnknownIdentity.value];
}

// The number of cuts below the point; branch-free, so that ports an attacker picks cost the same.
std::uint32_t interval_of(const RuleSet& set, std::uint32_t point) {
  std::uint32_t interval = 0;
  for (const std::uint32_t last : set.last) interval += last < point ? 1u : 0u;
  return interval;
}

std::uint32_t wide_decision_of(const TableView& table, const RuleSet& set, std::uint32_t point) {
  const std::uint32_t page = table.wide_maps()[set.wide - 1].page[point / kPagePoints];
  return table.wide_pages()[page].decision[point % kPagePoints];
}

void lookup_chunk(const TableView& table, Direction direction, const Query* queries,
                  Decision* decisions, std::size_t n) {
  const auto d = static_cast<std::size_t>(direction);
  const auto identities = table.identities().reader();
  const auto rows = table.rows(direction).reader();
  const auto blocks = table.blocks().reader();
  const auto rule_sets = table.rule_sets().reader();
  const auto records = table.decisions().reader();
  const std::uint32_t stride = table.row_stride(direction);
  std::array<const IdentityRecord*, kChunk> subject;
  std::array<const IdentityRecord*, kChunk> peer;
  std::array<const std::uint32_t*, kChunk> entry;
  std::array<const std::uint32_t*, kChunk> cell;
  std::array<const RuleSet*, kChunk> set;
  std::array<const DecisionRecord*, kChunk> record;

  for (std::size_t i = 0; i < n; ++i) {
    subject[i] = record_of(identities, queries[i].subject);
    peer[i] = record_of(identities, queries[i].peer);
    prefetch(subject[i]);
    prefetch(peer[i]);
  }
  for (std::size_t i = 0; i < n; ++i) {
    entry[i] = &rows[subject[i]->subject_class[d] * stride + peer[i]->peer_class[d] / kBlockCells];
    prefetch(entry[i]);
  }
  for (std::size_t i = 0; i < n; ++i) {
    cell[i] = &blocks[*entry[i]].rule_set[peer[i]->peer_class[d] % kBlockCells];
    prefetch(cell[i]);
  }
  for (std::size_t i = 0; i < n; ++i) {
    set[i] = &rule_sets[*cell[i]];
    prefetch(set[i]);
  }
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t point = line_point(queries[i].protocol, queries[i].port);
    const std::uint32_t decision = set[i]->wide == 0 ? set[i]->decision[interval_of(*set[i], point)]
                                                     : wide_decision_of(table, *set[i], point);
    record[i] = &records[decision];
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
