// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/residents.h"

#include <algorithm>
#include <cstring>

#include "policy/table/format.h"
#include "policy/verify/same_parts.h"

namespace bulkhead::verify {

const table::IdentityRecord& record_of(const table::TableView& table, IdentityId identity) {
  const auto& records = table.identities();
  return records[identity.value < records.size() ? identity.value : kUnknownIdentity.value];
}

void Residents::count(const table::TableView& table, IdentityId identity, std::int32_t by) {
  if (is_known_.size() <= identity.value) is_known_.resize(std::size_t{identity.value} + 1);
  is_known_[identity.value] = by > 0;
  const table::IdentityRecord& record = record_of(table, identity);
  for (std::size_t d = 0; d < 2; ++d) {
    if (people_[d].size() <= record.peer_class[d]) people_[d].resize(record.peer_class[d] + 1);
    people_[d][record.peer_class[d]] += by;
  }
}

void Residents::set_out(const table::TableView& before, const table::TableView& now) {
  for (auto& moves : moves_) moves.clear();
  const SameParts same(before.identities(), now.identities());
  const auto count = static_cast<std::uint32_t>(std::min<std::size_t>(
      is_known_.size(), std::max(before.identities().size(), now.identities().size())));
  for (std::uint32_t number = 0; number < count; ++number) {
    if (const auto end = same.end_of_same(number)) {
      number = *end - 1;
      continue;
    }
    const IdentityId identity{number};
    if (is_known_[number]) set_out(record_of(before, identity), record_of(now, identity));
  }
  for (std::size_t d = 0; d < 2; ++d) {
    arrivals_[d].clear();
    for (const auto& [from, to] : moves_[d]) arrivals_[d].push_back(to);
    std::ranges::sort(moves_[d]);
    moves_[d].erase(std::unique(moves_[d].begin(), moves_[d].end()), moves_[d].end());
  }
}

void Residents::set_out(const table::IdentityRecord& before, const table::IdentityRecord& now) {
  for (std::size_t d = 0; d < 2; ++d) {
    if (before.peer_class[d] == now.peer_class[d]) continue;
    --people_[d][before.peer_class[d]];
    moves_[d].emplace_back(before.peer_class[d], now.peer_class[d]);
  }
}

void Residents::settle() {
  for (std::size_t d = 0; d < 2; ++d) {
    for (const std::uint32_t column : arrivals_[d]) {
      if (people_[d].size() <= column) people_[d].resize(std::size_t{column} + 1);
      ++people_[d][column];
    }
    arrivals_[d].clear();
    moves_[d].clear();
  }
}

}  // namespace bulkhead::verify
