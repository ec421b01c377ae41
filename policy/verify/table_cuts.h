// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "policy/base/ids.h"
#include "policy/base/ip.h"
#include "policy/base/verdict.h"
#include "policy/table/view.h"

namespace bulkhead::verify {

// Where the bytes themselves change their answer: with the cuts of the text these are all points of
// the (protocol, port) line that need asking. Between them neither reader changes its mind, so
// an island of ports that nobody wrote is found too.
class TableCuts {
 public:
  explicit TableCuts(const table::TableView& table) : table_(table) {}

  // Points where a run of one decision begins, ascending, the first 0. Valid until the next call.
  [[nodiscard]] const std::vector<std::uint32_t>& of(Direction direction, IdentityId subject,
                                                     IdentityId peer);

 private:
  [[nodiscard]] std::vector<std::uint32_t> read(const table::RuleSet& set) const;

  const table::TableView& table_;
  std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> known_;  // by rule set
};

// The addresses where the table's answer for addresses of no pod changes, ascending, each family's
// lowest among them: with the cuts of the text all addresses that need asking.
[[nodiscard]] std::vector<IpAddress> outside_cuts(const table::TableView& table, Family family);

// The rule set in a column of a row.
[[nodiscard]] std::uint32_t rule_set_at(const table::TableView& table, Direction direction,
                                        std::uint32_t row, std::uint32_t column);
// The rule set that answers a pair: two peers of one rule set get one answer from the subject.
[[nodiscard]] std::uint32_t rule_set_of(const table::TableView& table, Direction direction,
                                        IdentityId subject, IdentityId peer);

}  // namespace bulkhead::verify
