// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "policy/table/format.h"

namespace bulkhead::table {

// Gives equal records the same index: an append-only array with a hash index beside it (open
// addressing, at most half full). Records are compared as bytes, so they must have no padding.
template <class Record>
class Interner {
  static_assert(std::has_unique_object_representations_v<Record>);

 public:
  [[nodiscard]] std::uint32_t index_of(const Record& record) {
    if ((records_.size() + 1) * 2 > buckets_.size()) grow();
    std::uint32_t& bucket = find(record);
    if (bucket == 0) {
      records_.push_back(record);
      bucket = static_cast<std::uint32_t>(records_.size());
    }
    return bucket - 1;
  }
  [[nodiscard]] const std::vector<Record>& records() const { return records_; }

 private:
  // The bucket that holds the record's index + 1, or the empty one where it belongs.
  std::uint32_t& find(const Record& record) {
    const std::size_t mask = buckets_.size() - 1;
    for (std::size_t at = checksum_of(&record, sizeof record) & mask;; at = (at + 1) & mask) {
      const std::uint32_t held = buckets_[at];
      if (held == 0 || std::memcmp(&records_[held - 1], &record, sizeof record) == 0) {
        return buckets_[at];
      }
    }
  }
  void grow() {
    buckets_.assign(buckets_.empty() ? 64 : buckets_.size() * 2, 0);
    for (std::uint32_t i = 0; i < records_.size(); ++i) find(records_[i]) = i + 1;
  }

  std::vector<Record> records_;
  std::vector<std::uint32_t> buckets_;
};

}  // namespace bulkhead::table
