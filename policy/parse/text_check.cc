// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/text_check.h"

#include <cstddef>
#include <cstdint>

namespace bulkhead::parse {
namespace {

// Length of the well-formed UTF-8 sequence at `text` (RFC 3629, table 3-7 of Unicode), 0 if none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const auto follows = [&](std::size_t i, std::uint8_t low = 0x80, std::uint8_t high = 0xbf) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return follows(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const std::uint8_t low = lead == 0xe0 ? 0xa0 : 0x80;
    const std::uint8_t high = lead == 0xed ? 0x9f : 0xbf;
    return follows(1, low, high) && follows(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const std::uint8_t low = lead == 0xf0 ? 0x90 : 0x80;
    const std::uint8_t high = lead == 0xf4 ? 0x8f : 0xbf;
    return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

// A carriage return ends a line only together with a line feed: alone it hides from editors what
// the YAML library reads as a line of its own, and makes it take quotes for text.
bool is_allowed_control(std::string_view text) {
  return text[0] == '\t' || text[0] == '\n' || text.starts_with("\r\n");
}

}  // namespace

Status check_text(std::string_view text) {
  std::size_t line = 1;
  std::size_t column = 1;
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<std::uint8_t>(text[i]);
    if (c >= 0x20 && c < 0x7f) {
      ++column;
      ++i;
      continue;
    }
    if (c < 0x20 || c == 0x7f) {
      if (!is_allowed_control(text.substr(i))) {
        return fail_at(fmt::format("{}:{}", line, column),
                       "control character 0x{:02x} is not allowed; use text without it", c);
      }
      ++i;
      ++column;
      if (c == '\n') {
        ++line;
        column = 1;
      }
      continue;
    }
    const std::size_t length = sequence_length(text.substr(i));
    if (length == 0) {
      return fail_at(fmt::format("{}:{}", line, column),
                     "invalid UTF-8 (byte 0x{:02x}); save the file as UTF-8", c);
    }
    i += length;
    ++column;
  }
  return {};
}

Status check_bracket_runs(std::string_view text, std::size_t depth) {
  std::size_t open = 0;
  std::size_t line = 1;
  for (const char c : text) {
    if (c == '\n') ++line;
    if (c == '[' || c == '{') {
      if (++open > depth) {
        return fail_at(fmt::format("{}:1", line), "nested deeper than {} levels", depth);
      }
    } else if (std::string_view(":,?-\"' \t\r\n").find(c) == std::string_view::npos) {
      open = 0;
    }
  }
  return {};
}

bool is_quote_closed(std::string_view text) {
  const char quote = text.front();
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      const bool is_doubled = quote == '\'' && i + 1 < text.size() && text[i + 1] == quote;
      if (!is_doubled) return true;
      ++i;
    }
  }
  return false;
}

}  // namespace bulkhead::parse
