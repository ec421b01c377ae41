// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/base/result.h"
#include "policy/model/policy.h"
#include "policy/parse/node.h"
#include "policy/parse/parse.h"

namespace bulkhead::parse {

// The text, fit for a terminal, a log and JSON: control and non-ASCII bytes escaped, cut to 80
// characters.
[[nodiscard]] std::string printable(std::string_view text);

// Alike, in double quotes.
[[nodiscard]] std::string in_quotes(std::string_view text);

// Where in an object: "spec.ingress[0].ports[1].port", as the API server writes it; keys that a
// file chose stand in it printable. A list of frames on the stack: a Path must not outlive its
// parent.
class Path {
 public:
  Path() = default;
  [[nodiscard]] Path field(std::string_view name) const { return Path(this, name, kNoIndex); }
  [[nodiscard]] Path item(std::size_t index) const { return Path(this, {}, index); }
  [[nodiscard]] std::string text() const;

 private:
  static constexpr std::size_t kNoIndex = static_cast<std::size_t>(-1);
  Path(const Path* parent, std::string_view name, std::size_t index)
      : parent_(parent), name_(name), index_(index) {}

  const Path* parent_ = nullptr;
  std::string_view name_;
  std::size_t index_ = kNoIndex;
};

// Collects what is to be said about one file. The wordings are the API server's (field/errors.go).
class Report {
 public:
  Report(ParsedFile& file, const Limits& limits) : file_(file), limits_(limits) {}

  template <class... Args>
  void error(const Node& node, const Path& path, fmt::format_string<Args...> format,
             Args&&... args) {
    add_error(node.line, node.column,
              prefixed(path, fmt::format(format, std::forward<Args>(args)...)));
  }
  void invalid(const Node& node, const Path& path, std::string_view detail);
  void required(const Node& node, const Path& path, std::string_view detail);
  void forbidden(const Node& node, const Path& path, std::string_view detail);
  void unsupported(const Node& node, const Path& path, std::string_view supported);

  void add_error(std::size_t line, std::size_t column, std::string message);
  void warning(const Node& node, const Path& path, std::string_view message);
  void note(const Node& node, std::string message);

  [[nodiscard]] std::size_t errors() const { return errors_; }
  [[nodiscard]] model::Origin origin(const Node& node) const;

 private:
  static std::string prefixed(const Path& path, std::string message);

  ParsedFile& file_;
  const Limits& limits_;
  std::size_t errors_ = 0;
  std::vector<std::pair<std::size_t, std::size_t>> places_;  // line and column of file_.errors
};

}  // namespace bulkhead::parse
