// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#include "policy/table/format.h"
#include "policy/table/places.h"

namespace bulkhead::table {

// Gives equal records the same index for as long as tables need them: an array with a hash index
// beside it (open addressing, linear probing, at most half full). Goes from table to table: what a
// table does not mark leaves a hole, an empty record, and the next table may fill it. Records are
// compared as bytes, so they must have no padding.
template <class Record>
class Interner {
  static_assert(std::has_unique_object_representations_v<Record>);

 public:
  // Indices below `first` are only for the empty record. `before`: of the last table.
  explicit Interner(std::uint32_t first, std::vector<Record> before = {})
      : first_(first), records_(std::move(before)) {
    begin();
    std::size_t size = 64;
    while (size < records_.size() * 2) size *= 2;
    index_records(size);
  }

  [[nodiscard]] std::uint32_t index_of(const Record& record) {
    if (first_ > 0 && is_empty(record)) {
      if (records_.empty()) add(0, record);
      return 0;
    }
    if ((indexed_ + 1) * 2 > buckets_.size()) index_records(buckets_.size() * 2);
    std::uint32_t& bucket = buckets_[find(record)];
    if (bucket == 0) {
      const std::uint32_t place = free_.take();
      add(place, record);
      bucket = place + 1;
      ++indexed_;
    }
    return bucket - 1;
  }
  // Of the array, holes included.
  [[nodiscard]] std::size_t bytes() const { return records_.size() * sizeof(Record); }
  [[nodiscard]] const Record& operator[](std::uint32_t index) const { return records_[index]; }

  // This table needs the record. True when it was not marked before.
  bool mark(std::uint32_t index) {
    if (is_needed_[index] != 0) return false;
    is_needed_[index] = 1;
    return true;
  }
  // Ends the table: what it did not mark is gone. The next one begins.
  void sweep() {
    for (std::uint32_t i = 0; i < records_.size(); ++i) {
      if (is_needed_[i] != 0 || is_empty(records_[i])) continue;
      remove_from_index(i);
      records_[i] = Record{};
    }
    while (!records_.empty() && is_needed_[records_.size() - 1] == 0) records_.pop_back();
    begin();
  }
  [[nodiscard]] const std::vector<Record>& records() const { return records_; }

 private:
  static bool is_empty(const Record& record) {
    static constexpr Record kEmpty{};
    return std::memcmp(&record, &kEmpty, sizeof(Record)) == 0;
  }
  void begin() {
    is_needed_.assign(records_.size(), 0);
    std::vector<bool> used(records_.size());
    for (std::size_t i = 0; i < records_.size(); ++i) used[i] = !is_empty(records_[i]);
    free_ = FreeNumbers(std::move(used), first_);
  }
  void add(std::uint32_t place, const Record& record) {
    if (place >= records_.size()) {
      records_.resize(place + 1);
      is_needed_.resize(place + 1);
    }
    records_[place] = record;
  }
  [[nodiscard]] std::size_t home_of(const Record& record) const {
    return checksum_of(&record, sizeof record) & (buckets_.size() - 1);
  }
  // The bucket that holds the record's index + 1, or the empty one where it belongs.
  [[nodiscard]] std::size_t find(const Record& record) const {
    const std::size_t mask = buckets_.size() - 1;
    for (std::size_t at = home_of(record);; at = (at + 1) & mask) {
      const std::uint32_t held = buckets_[at];
      if (held == 0 || std::memcmp(&records_[held - 1], &record, sizeof record) == 0) return at;
    }
  }
  // Closes the gap: whoever was pushed behind the record by it moves up.
  void remove_from_index(std::uint32_t index) {
    const std::size_t mask = buckets_.size() - 1;
    std::size_t gap = find(records_[index]);
    for (std::size_t at = (gap + 1) & mask; buckets_[at] != 0; at = (at + 1) & mask) {
      const std::size_t home = home_of(records_[buckets_[at] - 1]);
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      buckets_[gap] = buckets_[at];
      gap = at;
    }
    buckets_[gap] = 0;
    --indexed_;
  }
  void index_records(std::size_t size) {
    buckets_.assign(size, 0);
    indexed_ = 0;
    for (std::uint32_t i = 0; i < records_.size(); ++i) {
      if (is_empty(records_[i])) continue;
      buckets_[find(records_[i])] = i + 1;
      ++indexed_;
    }
  }

  std::uint32_t first_;
  std::vector<Record> records_;
  std::vector<std::uint8_t> is_needed_;  // beside records_
  FreeNumbers free_;
  std::vector<std::uint32_t> buckets_;
  std::size_t indexed_ = 0;
};

}  // namespace bulkhead::table
