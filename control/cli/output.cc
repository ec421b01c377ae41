// SPDX-License-Identifier: Apache-2.0
#include "control/cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ostream>

namespace bulkhead::control::cli {
namespace {

std::string painted(const Output& output, std::string_view code, std::string_view text) {
  if (!output.has_colour) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

}  // namespace

bool wants_colour() {
  const char* no_colour = std::getenv("NO_COLOR");
  if (no_colour != nullptr && *no_colour != '\0') return false;
  const char* terminal = std::getenv("TERM");
  const bool is_dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
  return !is_dumb && ::isatty(STDOUT_FILENO) == 1;
}

std::string printable(std::string_view text) {
  std::string safe(text);
  std::ranges::replace_if(
      safe, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return safe;
}

std::string coloured(const Output& output, Verdict verdict, std::string_view text) {
  return painted(output, verdict == Verdict::Allow ? "32" : "31", text);
}
std::string red(const Output& output, std::string_view text) { return painted(output, "31", text); }

void print_table(std::ostream& out, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += fmt::format("{:<{}}  ", printable(row[i]), widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  }
}

Exit refuse(const Output& output, const Error& error) {
  output.err << "bulkhead: " << printable(error.text()) << '\n';
  return Exit::BadInput;
}

Exit refuse(const Output& output, const api::ApiError& error) {
  return refuse(output, Error{error.message, error.where});
}

}  // namespace bulkhead::control::cli
