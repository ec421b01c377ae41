// SPDX-License-Identifier: Apache-2.0
#include "control/cli/shareable.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace bulkhead::control::cli {
namespace {

constexpr std::array<std::string_view, 3> kGroups = {"networking.k8s.io/",
                                                     "policy.networking.k8s.io/", "bulkhead.io/"};

// The plain value of a field at the document's top; nothing unless it is there exactly once.
std::optional<std::string_view> top_field(std::string_view document, std::string_view name) {
  std::optional<std::string_view> value;
  for (std::size_t at = 0; at < document.size();) {
    const auto end = std::min(document.find('\n', at), document.size());
    auto line = document.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ':') continue;
    if (value) return std::nullopt;
    line.remove_prefix(name.size() + 1);
    const auto first = line.find_first_not_of(' ');
    if (first == line.npos) return std::nullopt;
    const auto last = line.find_last_not_of(" \r");
    value = line.substr(first, last - first + 1);
  }
  return value;
}

std::string shareable_document(std::string_view document) {
  const auto version = top_field(document, "apiVersion");
  const bool is_policy = version && std::ranges::any_of(kGroups, [&](std::string_view group) {
                           return version->starts_with(group);
                         });
  if (is_policy) return std::string(document);
  if (document.find_first_not_of(" \r\n") == document.npos) return {};
  std::string kind(top_field(document, "kind").value_or("something"));
  const bool is_word = std::ranges::all_of(
      kind, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
  return fmt::format("# left out: {}\n", is_word ? kind : "something");
}

}  // namespace

std::string shareable(std::string_view manifest) {
  std::string out;
  std::size_t start = 0;
  while (start <= manifest.size()) {
    // A document begins behind a line of three dashes.
    std::size_t end = manifest.starts_with("---") && start == 0 ? 0 : manifest.find("\n---", start);
    const bool is_last = end == manifest.npos;
    if (is_last) end = manifest.size();
    out += shareable_document(manifest.substr(start, end - start));
    if (is_last) break;
    const auto line_end = manifest.find('\n', end + 1);
    if (!out.empty() && out.back() != '\n') out += '\n';
    out += "---\n";
    if (line_end == manifest.npos) break;
    start = line_end + 1;
  }
  return out;
}

}  // namespace bulkhead::control::cli
