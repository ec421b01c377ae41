// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "policy/parse/parse.h"

// Policy text of any origin: never a crash, and a broken file yields no object (law 10).
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = bulkhead::parse::parse_file_text("fuzz.yaml", text);
  if (parsed.is_broken() && !parsed.objects.policies.empty()) std::abort();
  return 0;
}
