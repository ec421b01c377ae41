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

// Gives equal records the same index, and a record that was there before the index it had: an array
// with a hash index beside it (open addressing, at most half full). Records are compared as bytes,
// so they must have no padding.
template <class Record>
class Interner {
  static_assert(std::has_unique_object_representations_v<Record>);

 public:
  Interner() : Interner(std::vector<Record>()) {}
  // `before`: of the last table. An empty record is a hole.
  explicit Interner(std::vector<Record> before)
      : records_(std::move(before)), is_used_(records_.size()), free_(used_before(records_), 0) {
    std::size_t size = 64;
    while (size < records_.size() * 2) size *= 2;
    index_records(size);
  }

  [[nodiscard]] std::uint32_t index_of(const Record& record) {
    if ((indexed_ + 1) * 2 > buckets_.size()) index_records(buckets_.size() * 2);
    std::uint32_t& bucket = find(record);
    if (bucket == 0) {
      const std::uint32_t place = free_.take();
      if (place >= records_.size()) {
        records_.resize(place + 1);
        is_used_.resize(place + 1);
      }
      records_[place] = record;
      bucket = place + 1;
      ++indexed_;
    }
    is_used_[bucket - 1] = true;
    return bucket - 1;
  }
  // Of the array, holes included.
  [[nodiscard]] std::size_t bytes() const { return records_.size() * sizeof(Record); }
  [[nodiscard]] const Record& operator[](std::uint32_t index) const { return records_[index]; }

  // The array of this table: without what nobody asked for.
  [[nodiscard]] std::vector<Record> records() const {
    std::vector<Record> records = records_;
    while (!records.empty() && !is_used_[records.size() - 1]) records.pop_back();
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (!is_used_[i]) records[i] = Record{};
    }
    return records;
  }

 private:
  static bool is_hole(const Record& record) {
    static constexpr Record kEmpty{};
    return std::memcmp(&record, &kEmpty, sizeof(Record)) == 0;
  }
  static std::vector<bool> used_before(const std::vector<Record>& records) {
    std::vector<bool> used(records.size());
    for (std::size_t i = 0; i < records.size(); ++i) used[i] = !is_hole(records[i]);
    return used;
  }
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
  void index_records(std::size_t size) {
    buckets_.assign(size, 0);
    indexed_ = 0;
    for (std::uint32_t i = 0; i < records_.size(); ++i) {
      if (is_hole(records_[i]) && !is_used_[i]) continue;
      find(records_[i]) = i + 1;
      ++indexed_;
    }
  }

  std::vector<Record> records_;
  std::vector<bool> is_used_;
  FreeNumbers free_;
  std::vector<std::uint32_t> buckets_;
  std::size_t indexed_ = 0;
};

}  // namespace bulkhead::table
