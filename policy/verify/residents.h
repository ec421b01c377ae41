// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "policy/base/ids.h"
#include "policy/base/verdict.h"
#include "policy/table/view.h"

namespace bulkhead::verify {

// In which columns of the table at hand somebody is who was asked about. Follows it from version to
// version: what a step costs is what differs.
class Residents {
 public:
  // Columns before and now.
  using Move = std::pair<std::uint32_t, std::uint32_t>;

  // `table`: the one at hand. An identity of which somebody was asked about, or no longer.
  void arrive(const table::TableView& table, IdentityId identity) { count(table, identity, 1); }
  void leave(const table::TableView& table, IdentityId identity) { count(table, identity, -1); }

  // Takes whose columns differ out of the old ones; settle() puts them into the new ones.
  void set_out(const table::TableView& before, const table::TableView& now);
  void settle();

  // Between the two: where somebody stays, and who sets out, each move once.
  [[nodiscard]] bool has_staying(Direction direction, std::uint32_t column) const {
    const auto& people = people_[static_cast<std::size_t>(direction)];
    return column < people.size() && people[column] > 0;
  }
  [[nodiscard]] const std::vector<Move>& moves(Direction direction) const {
    return moves_[static_cast<std::size_t>(direction)];
  }

 private:
  void count(const table::TableView& table, IdentityId identity, std::int32_t by);
  void set_out(const table::IdentityRecord& before, const table::IdentityRecord& now);

  std::vector<bool> is_known_;                          // by identity
  std::array<std::vector<std::int32_t>, 2> people_;     // identities, by Direction and column
  std::array<std::vector<std::uint32_t>, 2> arrivals_;  // columns
  std::array<std::vector<Move>, 2> moves_;
};

// The table's record of it: nobody's when the table does not know it.
[[nodiscard]] const table::IdentityRecord& record_of(const table::TableView& table,
                                                     IdentityId identity);

}  // namespace bulkhead::verify
