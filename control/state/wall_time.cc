// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>

#include "control/state/quarantine.h"

namespace bulkhead::control::state {
namespace {

// Reads exactly `digits` decimal digits at `offset`; -1 when they are not there.
int number_at(const std::string& text, std::size_t offset, std::size_t digits) {
  if (offset + digits > text.size()) return -1;
  int value = 0;
  for (std::size_t i = offset; i < offset + digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

// "Z", "+01:00" or "-05:30" from `offset` to the end.
std::optional<std::chrono::minutes> zone_at(const std::string& text, std::size_t offset) {
  if (text.substr(offset) == "Z") return std::chrono::minutes(0);
  if (text.size() != offset + 6 || text[offset + 3] != ':') return std::nullopt;
  const int hours = number_at(text, offset + 1, 2);
  const int minutes = number_at(text, offset + 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  const std::chrono::minutes zone(hours * 60 + minutes);
  if (text[offset] == '+') return zone;
  if (text[offset] == '-') return -zone;
  return std::nullopt;
}

}  // namespace

Result<WallTime> parse_time(const std::string& text) {
  const auto bad = [&text] {
    return fail("\"{}\" is no RFC 3339 time such as 2026-01-31T18:00:00Z", text.substr(0, 40));
  };
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':') {
    return bad();
  }
  const std::array<int, 6> part = {number_at(text, 0, 4),  number_at(text, 5, 2),
                                   number_at(text, 8, 2),  number_at(text, 11, 2),
                                   number_at(text, 14, 2), number_at(text, 17, 2)};
  const std::chrono::year_month_day day(std::chrono::year(part[0]),
                                        std::chrono::month(static_cast<unsigned>(part[1])),
                                        std::chrono::day(static_cast<unsigned>(part[2])));
  const auto zone = zone_at(text, 19);
  if (part[0] < 0 || !day.ok() || !zone) return bad();
  if (part[3] < 0 || part[3] > 23 || part[4] < 0 || part[4] > 59 || part[5] < 0 || part[5] > 60) {
    return bad();
  }
  return std::chrono::sys_days(day) + std::chrono::hours(part[3]) + std::chrono::minutes(part[4]) +
         std::chrono::seconds(part[5]) - *zone;
}

}  // namespace bulkhead::control::state
