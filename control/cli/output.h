// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "control/api/service.h"
#include "policy/base/result.h"
#include "policy/base/verdict.h"

namespace bulkhead::control::cli {

// What a command ends with (design.md section 7).
enum class Exit : int { Good = 0, Findings = 1, BadInput = 2 };

enum class Format { Text, Json, Sarif };

// Where a command writes. Answers go to `out`; in JSON nothing else does. Notes and refusals go to
// `err`.
struct Output {
  std::ostream& out;
  std::ostream& err;
  Format format = Format::Text;
  bool has_colour = false;
};

// True when file descriptor 1 is a terminal that takes colours and NO_COLOR is not set
// (https://no-color.org).
[[nodiscard]] bool wants_colour();

// Text of any origin for a terminal: everything but printable ASCII becomes '?', so that no file
// and no peer can move the cursor, retitle the window or turn the line around.
[[nodiscard]] std::string printable(std::string_view text);

// Green for what is allowed, red for what is denied.
[[nodiscard]] std::string coloured(const Output& output, Verdict verdict, std::string_view text);
[[nodiscard]] std::string red(const Output& output, std::string_view text);

// Columns as wide as their widest cell, two blanks apart, no trailing blanks. Cells are made
// printable here.
void print_table(std::ostream& out, const std::vector<std::vector<std::string>>& rows);

// "bulkhead: WHERE: MESSAGE" on `err`; answers Exit::BadInput.
Exit refuse(const Output& output, const Error& error);
Exit refuse(const Output& output, const api::ApiError& error);

}  // namespace bulkhead::control::cli
