// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/model/labels.h"

namespace bulkhead::compile {

// Who has a label, by key and value: numbers, ascending.
class LabelIndex {
 public:
  void add(std::uint32_t number, std::string_view key, std::string_view value);
  void remove(std::uint32_t number, std::string_view key, std::string_view value);
  [[nodiscard]] const std::vector<std::uint32_t>& with(std::string_view key,
                                                       std::string_view value) const;

 private:
  std::unordered_map<std::string, std::vector<std::uint32_t>> by_label_;
};

}  // namespace bulkhead::compile
