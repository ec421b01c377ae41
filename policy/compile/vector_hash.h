// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "policy/table/format.h"

namespace bulkhead::compile {

struct VectorHash {
  std::size_t operator()(const std::vector<std::uint32_t>& numbers) const {
    return table::checksum_of(numbers.data(), numbers.size() * sizeof(std::uint32_t));
  }
};

}  // namespace bulkhead::compile
