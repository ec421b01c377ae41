// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <compare>
#include <concepts>
#include <cstdint>

namespace bulkhead {

// An unsigned integer stored in network byte order. The type keeps the order out of people's heads:
// arithmetic needs host(), a wire field is assigned only from another Be.
template <std::unsigned_integral T>
class Be {
 public:
  constexpr Be() = default;
  constexpr explicit Be(T host_value) : raw_(swap(host_value)) {}

  [[nodiscard]] static constexpr Be from_raw(T network_value) {
    Be value;
    value.raw_ = network_value;
    return value;
  }

  [[nodiscard]] constexpr T host() const { return swap(raw_); }
  [[nodiscard]] constexpr T raw() const { return raw_; }

  friend constexpr bool operator==(Be, Be) = default;
  friend constexpr auto operator<=>(Be a, Be b) { return a.host() <=> b.host(); }

 private:
  static constexpr T swap(T value) {
    if constexpr (std::endian::native == std::endian::big || sizeof(T) == 1) {
      return value;
    } else if constexpr (sizeof(T) == 2) {
      return __builtin_bswap16(value);
    } else if constexpr (sizeof(T) == 4) {
      return __builtin_bswap32(value);
    } else {
      return __builtin_bswap64(value);
    }
  }

  T raw_ = 0;
};

using Be16 = Be<std::uint16_t>;
using Be32 = Be<std::uint32_t>;

}  // namespace bulkhead
