// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/json.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "policy/parse/text_check.h"
#include "policy/parse/yaml.h"

namespace {

using namespace bulkhead::parse;  // NOLINT(google-build-using-namespace): one small program

bool is_same(const Node& one, const Node& other) {
  if (one.kind != other.kind || one.is_plain != other.is_plain || one.scalar != other.scalar ||
      one.line != other.line || one.keys.size() != other.keys.size() ||
      one.items.size() != other.items.size()) {
    return false;
  }
  for (std::size_t i = 0; i < one.keys.size(); ++i) {
    if (one.keys[i].name != other.keys[i].name) return false;
  }
  for (std::size_t i = 0; i < one.items.size(); ++i) {
    if (!is_same(one.items[i], other.items[i])) return false;
  }
  return true;
}

}  // namespace

// Our JSON reader beside the YAML library: a text that both read is the same tree, and one that
// ours refuses (a repeated key, a limit) the library does not let pass. The library reads it since
// a second document follows that is no JSON.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Limits limits{.depth = 16, .nodes = 1000};
  if (!check_text(text) || text.starts_with("\xef\xbb\xbf")) return 0;
  const auto by_us = read_json(text, limits);
  if (!by_us) return 0;
  std::vector<Node> roots;
  const bool is_read =
      read_documents(std::string(text) + "\n---\nx\n", limits, [&](const Node& root) {
        roots.push_back(root);
      }).has_value();
  if (!*by_us && is_read) std::abort();
  if (*by_us && is_read && !is_same(**by_us, roots.front())) std::abort();
  return 0;
}
