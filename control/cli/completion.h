// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::control::cli {

// By command ("bulkhead policy check"): the words that may follow it.
using CompletionWords = std::map<std::string, std::vector<std::string>>;
// By command and option ("bulkhead policy check --output"): the values it takes.
using CompletionValues = std::map<std::string, std::vector<std::string>>;

// A script for `shell` ("bash" or "zsh") to source. Where no word fits, the shell completes files.
[[nodiscard]] std::string completion_script(const CompletionWords& words,
                                            const CompletionValues& values, std::string_view shell);

}  // namespace bulkhead::control::cli
