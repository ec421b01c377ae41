// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "policy/table/view.h"

namespace bulkhead::verify {

// Which parts of an array hold the same bytes in two tables: at once where they are the same
// memory. Borrows nothing.
class SameParts {
 public:
  template <class Record>
  SameParts(const table::PartedArray<Record>& before, const table::PartedArray<Record>& now)
      : records_a_part_(now.records_a_part()), is_same_(now.part_count()), ends_(now.part_count()) {
    if (before.records_a_part() != records_a_part_) return;
    const std::uint32_t shared = std::min(before.part_count(), now.part_count());
    for (std::uint32_t part = 0; part < shared; ++part) {
      const auto old = before.part(part);
      const auto bytes = now.part(part);
      ends_[part] = part * records_a_part_ + static_cast<std::uint32_t>(bytes.size());
      is_same_[part] = old.size() == bytes.size() &&
                       (old.data() == bytes.data() ||
                        std::memcmp(old.data(), bytes.data(), bytes.size_bytes()) == 0);
    }
  }

  // Of `now`, by part.
  [[nodiscard]] bool operator[](std::uint32_t part) const { return is_same_[part]; }
  [[nodiscard]] bool all() const {
    return std::ranges::all_of(is_same_, [](bool is_same) { return is_same; });
  }
  // Behind the last record of the part, if this one is of a part with the same bytes.
  [[nodiscard]] std::optional<std::uint32_t> end_of_same(std::uint32_t record) const {
    const std::uint32_t part = record / records_a_part_;
    if (part >= is_same_.size() || !is_same_[part] || record >= ends_[part]) return {};
    return ends_[part];
  }

 private:
  std::uint32_t records_a_part_;
  std::vector<bool> is_same_;
  std::vector<std::uint32_t> ends_;
};

}  // namespace bulkhead::verify
