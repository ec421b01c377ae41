// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace bulkhead::cni {

// The CNI specification's error codes (section 5, "Error"); from 100 on they are a plugin's own.
enum class Code : unsigned {
  IncompatibleVersion = 1,
  UnsupportedField = 2,
  UnknownContainer = 3,
  InvalidEnvironment = 4,
  InputOutput = 5,
  CannotDecode = 6,
  InvalidConfiguration = 7,
  TryAgainLater = 11,
  AgentRefused = 100,  // the agent is there and said no: its message says why
  IpamFailed = 101,    // the IPAM plugin could not be run, or gave no usable answer
  CheckFailed = 102,   // CHECK: what is there differs from prevResult
};

struct CniError {
  Code code = Code::InputOutput;
  std::string message;  // one line: what is wrong and what would be right
  std::string details;  // may be empty
};

template <class T>
using Outcome = tl::expected<T, CniError>;

template <class... Args>
[[nodiscard]] tl::unexpected<CniError> refuse(Code code, fmt::format_string<Args...> format,
                                              Args&&... args) {
  return tl::unexpected<CniError>(
      CniError{code, fmt::format(format, std::forward<Args>(args)...), {}});
}

}  // namespace bulkhead::cni
