// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "policy/parse/parse.h"
#include "policy/parse/view.h"

namespace {

using bulkhead::Error;

// One line that a terminal, a log and JSON can take.
void demand_clean(const std::vector<Error>& messages) {
  for (const auto& message : messages) {
    const auto text = message.text();
    if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c >= 0x7f; })) {
      std::abort();
    }
  }
}

}  // namespace

// Policy text of any origin: never a crash, a broken file yields no object (law 10), and what is
// said about it is short and clean.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace parse = bulkhead::parse;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto file = parse::parse_file_text("fuzz.yaml", text);
  if (file.is_broken() && !file.objects.is_empty()) std::abort();
  // The limit, the line that sums up the rest, and what ended the reading.
  if (file.errors.size() > parse::Limits{}.errors + 2) std::abort();
  demand_clean(file.errors);
  demand_clean(file.warnings);
  demand_clean(file.notes);
  (void)parse::build_cluster(file.objects, {});
  return 0;
}
