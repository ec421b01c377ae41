// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

namespace bulkhead::control::cli {

struct SarifRule {
  std::string id;
  std::string name;
  std::string about;
  std::string level;  // "note", "warning" or "error"
};
struct SarifResult {
  std::string rule;  // an id of the rules
  std::string level;
  std::string message;
  std::string file;        // empty: belongs to no file
  std::size_t line = 0;    // from 1; 0 when unknown
  std::size_t column = 0;  // from 1; 0 when unknown
};

// SARIF 2.1.0 (OASIS, 2020): what code hosts read to show findings at their lines.
void print_sarif(std::ostream& out, const std::vector<SarifRule>& rules,
                 const std::vector<SarifResult>& results);

}  // namespace bulkhead::control::cli
