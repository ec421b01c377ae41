// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <span>

#include "dataplane/api/validate.h"

// Messages of the agent as the data plane checks them. First byte: how many descriptors came along.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto message = std::as_bytes(std::span(data, size)).subspan(1);
  (void)bulkhead::dataplane::api::validate(message, data[0] % 40);
  return 0;
}
