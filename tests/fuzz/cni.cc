// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cni/configuration.h"

// Standard input of the plugin.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto configuration = bulkhead::cni::parse_configuration(text);
  if (configuration && !bulkhead::cni::is_supported(configuration->version)) std::abort();
  (void)bulkhead::cni::version_of(text);
  return 0;
}
