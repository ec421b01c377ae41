// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/report.h"

#include <algorithm>

namespace bulkhead::parse {
namespace {

constexpr std::size_t kLongest = 80;  // characters of a text that is quoted

void add_printable(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0x20 && byte < 0x7f) {
    out += c;
  } else {
    out += fmt::format("\\x{:02x}", byte);
  }
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kLongest)) add_printable(out, c);
  if (text.size() > kLongest) out += "...";
  return out;
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, kLongest)) {
    if (c == '"' || c == '\\') out += '\\';
    add_printable(out, c);
  }
  if (text.size() > kLongest) out += "...";
  return out + "\"";
}

std::string Path::text() const {
  if (parent_ == nullptr) return {};
  const std::string before = parent_->text();
  if (index_ != kNoIndex) return fmt::format("{}[{}]", before, index_);
  return before.empty() ? printable(name_) : fmt::format("{}.{}", before, printable(name_));
}

std::string Report::prefixed(const Path& path, std::string message) {
  const std::string place = path.text();
  return place.empty() ? std::move(message) : fmt::format("{}: {}", place, message);
}

void Report::invalid(const Node& node, const Path& path, std::string_view detail) {
  error(node, path, "Invalid value: {}: {}",
        node.is_scalar() ? in_quotes(node.scalar) : std::string(kind_text(node)), detail);
}

void Report::required(const Node& node, const Path& path, std::string_view detail) {
  error(node, path, "Required value: {}", detail);
}

void Report::forbidden(const Node& node, const Path& path, std::string_view detail) {
  error(node, path, "Forbidden: {}", detail);
}

void Report::unsupported(const Node& node, const Path& path, std::string_view supported) {
  error(node, path, "Unsupported value: {}: supported values: {}", in_quotes(node.scalar),
        supported);
}

void Report::add_error(std::size_t line, std::size_t column, std::string message) {
  ++errors_;
  if (file_.errors.size() > limits_.errors) return;
  if (file_.errors.size() == limits_.errors) {
    file_.errors.push_back({"more errors follow; mend these first", file_.name});
    return;
  }
  // As they stand in the text, whatever order its fields were looked at in.
  const std::pair place(line, column);
  const auto at = std::upper_bound(places_.begin(), places_.end(), place) - places_.begin();
  places_.insert(places_.begin() + at, place);
  file_.errors.insert(file_.errors.begin() + at,
                      {std::move(message), fmt::format("{}:{}:{}", file_.name, line, column)});
}

void Report::warning(const Node& node, const Path& path, std::string_view message) {
  file_.warnings.push_back({prefixed(path, std::string(message)), origin(node).text()});
}

void Report::note(const Node& node, std::string message) {
  file_.notes.push_back({std::move(message), origin(node).text()});
}

model::Origin Report::origin(const Node& node) const {
  return {file_.name, node.line, node.column};
}

}  // namespace bulkhead::parse
