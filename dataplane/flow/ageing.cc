// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow/ageing.h"

#include <algorithm>

namespace bulkhead::dataplane {
namespace {

constexpr unsigned kFraction = 20;

}  // namespace

std::uint32_t Ageing::adapted_ms(AgeClass age_class, std::uint64_t size, std::uint64_t capacity) {
  const std::uint64_t full_time = timeout_ms(age_class);
  const std::uint64_t relaxed = capacity - capacity / 4;
  if (size <= relaxed) return static_cast<std::uint32_t>(full_time);
  const std::uint64_t scaled =
      full_time * (capacity - size) / std::max<std::uint64_t>(capacity / 4, 1);
  return static_cast<std::uint32_t>(std::max(scaled, full_time / 16));
}

Ageing::Expired Ageing::slice(FlowTable& table, Now now) {
  Expired expired;
  const std::uint32_t now_ms = milliseconds(now);
  const std::uint32_t passed_ms = has_run_ ? now_ms - last_ms_ : 0;
  last_ms_ = now_ms;
  has_run_ = true;
  std::size_t visits_left = kSlice;
  for (std::size_t c = 1; c < kAgeClasses; ++c) {
    const auto age_class = static_cast<AgeClass>(c);
    const std::uint64_t count = table.count(age_class);
    if (count == 0) {
      owed_[c] = 0;
      continue;
    }
    const std::uint32_t limit_ms = adapted_ms(age_class, table.size(), table.capacity());
    // No more is ever owed than one round: a late caller does not make a burst of work.
    owed_[c] = std::min(owed_[c] + (((count * 4 * passed_ms) << kFraction) / limit_ms),
                        count << kFraction);
    const std::uint64_t due = std::min<std::uint64_t>(owed_[c] >> kFraction, visits_left);
    visits_left -= due;
    owed_[c] -= due << kFraction;
    for (std::uint64_t visit = 0; visit < due; ++visit) {
      const std::uint32_t slot = table.oldest(age_class);
      if (table[slot].next != kNoSlot) __builtin_prefetch(&table[table[slot].next], 1, 3);
      const bool is_idle = now_ms - table[slot].last_seen_ms >= limit_ms;
      table.move_to(slot, age_class);  // expired ones too: the next visit must see another
      if (is_idle) expired.slot[expired.count++] = slot;
    }
  }
  return expired;
}

}  // namespace bulkhead::dataplane
