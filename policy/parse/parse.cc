// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/parse.h"

#include "policy/parse/kinds.h"
#include "policy/parse/names.h"
#include "policy/parse/report.h"
#include "policy/parse/text_check.h"
#include "policy/parse/yaml.h"

namespace bulkhead::parse {
namespace {

// The namespaces that a text names anywhere, for files that are not even YAML: every value of a
// field `namespace`, in any quoting. It may name too many, which closes too many: never too few.
void scan_namespaces(std::string_view text, std::set<std::string>& names) {
  constexpr std::string_view kField = "namespace";
  for (auto at = text.find(kField); at != text.npos; at = text.find(kField, at)) {
    at += kField.size();
    auto rest = text.substr(at, 160);
    const auto colon = rest.find_first_not_of("\"' \t");
    if (colon == rest.npos || rest[colon] != ':') continue;
    rest.remove_prefix(colon + 1);
    const auto start = rest.find_first_not_of("\"' \t");
    if (start == rest.npos) continue;
    rest.remove_prefix(start);
    const auto name = rest.substr(0, rest.find_first_of("\"' \t\r\n,}#"));
    if (!dns_label_problem(name)) names.emplace(name);
  }
}

// `where` of the lower layers is "line:column".
void add_file_error(ParsedFile& file, const Error& error) {
  file.errors.push_back({error.message, error.where.empty()
                                            ? file.name
                                            : fmt::format("{}:{}", file.name, error.where)});
}

// A text that could not be read to its end: what it would have said is known only as far as it
// names namespaces.
void close_unread_text(ParsedFile& file, std::string_view text) {
  scan_namespaces(text, file.named_namespaces);
  if (file.named_namespaces.empty()) file.is_scope_known = false;
}

}  // namespace

bool Parsed::is_broken() const {
  for (const auto& file : files) {
    if (file.is_broken()) return true;
  }
  return false;
}

Objects Parsed::objects() const {
  Objects all;
  for (const auto& file : files) all.append(file.objects);
  return all;
}

std::vector<Error> Parsed::errors() const {
  std::vector<Error> all;
  for (const auto& file : files) all.insert(all.end(), file.errors.begin(), file.errors.end());
  return all;
}

ParsedFile parse_file_text(std::string_view file_name, std::string_view text,
                           const Limits& limits) {
  ParsedFile file;
  file.name = file_name;
  file.is_without_text = text.find_first_not_of(" \t\r\n") == text.npos;
  if (text.size() > limits.file_bytes) {
    add_file_error(file, {fmt::format("{} bytes are too many; at most {} are allowed", text.size(),
                                      limits.file_bytes),
                          ""});
    file.is_scope_known = false;
    return file;
  }
  if (const auto status = check_text(text); !status) {
    add_file_error(file, status.error());
    close_unread_text(file, text);
    return file;
  }
  Report report(file, limits);
  const auto status = read_documents(
      text, limits, [&](const Node& document) { read_object(report, document, file); });
  if (!status) {
    add_file_error(file, status.error());
    close_unread_text(file, text);
  }
  if (file.is_broken()) {
    file.objects = {};
  } else {
    file.named_namespaces.clear();
  }
  return file;
}

Parsed parse_text(std::string_view file_name, std::string_view text, const Limits& limits) {
  Parsed parsed;
  parsed.files.push_back(parse_file_text(file_name, text, limits));
  return parsed;
}

}  // namespace bulkhead::parse
