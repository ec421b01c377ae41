// SPDX-License-Identifier: Apache-2.0
#include "control/endpoint/host_names.h"

#include <algorithm>

namespace bulkhead::control::endpoint {

HostNames host_names(const std::string& instance) {
  const std::string stem = instance.empty() ? "bulkhead" : "bh" + instance;
  return {stem + "0", stem + "1"};
}

Status check_instance(const std::string& instance) {
  constexpr std::size_t kLongest = 12;  // "bh" + 12 + "0" fills a device name
  const bool is_plain = std::ranges::all_of(instance, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
  if (instance.size() <= kLongest && is_plain && !instance.starts_with('-')) return {};
  return fail("instance '{}' is no name: at most {} lower-case letters, digits and '-'",
              instance.substr(0, 32), kLongest);
}

std::uint32_t routing_table_of(const std::string& instance) {
  if (instance.empty()) return 5200;
  std::uint32_t hash = 2166136261u;  // FNV-1a
  for (const char c : instance) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619u;
  return 5201 + hash % 60000;
}

}  // namespace bulkhead::control::endpoint
