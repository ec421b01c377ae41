// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace bulkhead {

// An expected failure. `where` names the place (`web.yaml:12:7`, a key path, an object);
// `message` says what is wrong there and, where it can, what would be right.
struct Error {
  std::string message;
  std::string where;

  [[nodiscard]] std::string text() const {
    return where.empty() ? message : where + ": " + message;
  }
};

template <class T>
using Result = tl::expected<T, Error>;

using Status = Result<void>;

// fail("port {} is out of range", n) at any place that returns a Result.
template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail(fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(Error{fmt::format(format, std::forward<Args>(args)...), {}});
}

template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail_at(std::string where, fmt::format_string<Args...> format,
                                            Args&&... args) {
  return tl::unexpected<Error>(
      Error{fmt::format(format, std::forward<Args>(args)...), std::move(where)});
}

// Adds the outer place to an error on its way up: "cannot publish: table section 3: ...".
[[nodiscard]] inline tl::unexpected<Error> in_context(std::string_view context, Error error) {
  error.message = fmt::format("{}: {}", context, error.message);
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace bulkhead
