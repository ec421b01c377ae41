// SPDX-License-Identifier: Apache-2.0
#include "policy/base/ip.h"

#include <arpa/inet.h>

#include <charconv>

namespace bulkhead {
namespace {

// True when the first `bits` bits of both arrays agree.
bool same_leading_bits(const std::array<std::uint8_t, 16>& a, const std::array<std::uint8_t, 16>& b,
                       unsigned bits) {
  const std::size_t whole = bits / 8;
  if (std::memcmp(a.data(), b.data(), whole) != 0) return false;
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  const unsigned mask = 0xffu << (8 - rest);
  return ((a[whole] ^ b[whole]) & mask & 0xffu) == 0;
}

}  // namespace

Result<IpAddress> IpAddress::parse(std::string_view text) {
  // inet_pton needs a terminated string; the longest valid text is 45 characters.
  char buffer[INET6_ADDRSTRLEN] = {};
  if (text.empty() || text.size() >= sizeof buffer || text.find('\0') != text.npos) {
    return fail("'{}' is not an IP address", text.substr(0, 64));
  }
  text.copy(buffer, text.size());
  IpAddress ip;
  if (inet_pton(AF_INET, buffer, ip.bytes.data()) == 1) return ip;
  ip.family = Family::V6;
  if (inet_pton(AF_INET6, buffer, ip.bytes.data()) == 1) return ip;
  return fail("'{}' is not an IP address", text);
}

std::string IpAddress::text() const {
  char buffer[INET6_ADDRSTRLEN] = {};
  inet_ntop(family == Family::V4 ? AF_INET : AF_INET6, bytes.data(), buffer, sizeof buffer);
  return buffer;
}

Result<Prefix> Prefix::make(const IpAddress& address, unsigned length) {
  if (length > address.bits()) {
    return fail("prefix length {} is out of range for {} (at most {})", length,
                name_of(address.family), address.bits());
  }
  Prefix prefix;
  prefix.address_ = address;
  prefix.length_ = length;
  for (unsigned bit = length; bit < 128; bit += 8 - bit % 8) {
    const unsigned keep = bit % 8;
    auto& byte = prefix.address_.bytes[bit / 8];
    byte = static_cast<std::uint8_t>(byte & (0xff00u >> keep));
  }
  return prefix;
}

Prefix Prefix::host(const IpAddress& address) {
  Prefix prefix;
  prefix.address_ = address;
  prefix.length_ = address.bits();
  return prefix;
}

Result<Prefix::Parsed> Prefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return fail("'{}' is not a CIDR block: bad address", text.substr(0, 64));
  if (slash == text.npos) {
    return fail("'{}' is not a CIDR block: a prefix length is missing, such as {}/{}", text, text,
                address->bits());
  }
  const auto digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  const bool leading_zero = digits.size() > 1 && digits.front() == '0';
  if (error != std::errc{} || end != digits.data() + digits.size() || leading_zero) {
    return fail("'{}' is not a CIDR block: bad prefix length", text.substr(0, 64));
  }
  auto prefix = make(*address, length);
  if (!prefix) return tl::unexpected(prefix.error());
  return Parsed{*prefix, prefix->address() != *address};
}

std::string Prefix::text() const { return fmt::format("{}/{}", address_.text(), length_); }

bool Prefix::contains(const IpAddress& address) const {
  return address.family == family() && same_leading_bits(address_.bytes, address.bytes, length_);
}

bool Prefix::contains(const Prefix& other) const {
  return other.length_ >= length_ && contains(other.address_);
}

}  // namespace bulkhead
