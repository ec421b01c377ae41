// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow/ageing.h"

#include <algorithm>

namespace bulkhead::dataplane {

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
  std::size_t visits_left = kSlice;
  for (std::size_t c = 1; c < kAgeClasses; ++c) {
    const auto age_class = static_cast<AgeClass>(c);
    if (table.count(age_class) == 0) continue;
    const std::uint32_t limit_ms = adapted_ms(age_class, table.size(), table.capacity());
    const std::uint32_t limit_units =
        (limit_ms + queue_unit_ms(age_class) - 1) / queue_unit_ms(age_class);
    const std::uint8_t now_units = queue_time(age_class, now_ms);
    std::uint32_t slot = table.oldest(age_class);
    for (std::uint32_t left = table.count(age_class); left > 0 && visits_left > 0; --left) {
      const Flow& flow = table[slot];
      const auto waited = static_cast<std::uint8_t>(now_units - flow.queued_at());
      // Strictly more, for the first unit may have been a short one. All behind it joined later.
      if (waited <= limit_units) break;
      --visits_left;
      const std::uint32_t next = flow.next;
      if (next != kNoSlot) {
        __builtin_prefetch(&table[next], 1, 3);
        __builtin_prefetch(&table[next].tcp, 1, 3);
      }
      if (now_ms - flow.last_seen_ms >= limit_ms) {
        table.prepare_erase(slot);
        expired.slot[expired.count++] = slot;
      } else {
        table.move_to(slot, age_class, now_ms);
      }
      slot = next;
    }
  }
  return expired;
}

}  // namespace bulkhead::dataplane
