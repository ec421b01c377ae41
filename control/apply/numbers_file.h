// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "policy/base/ids.h"
#include "policy/base/result.h"
#include "policy/compile/numbers.h"

namespace bulkhead::control::apply {

// Where identities, counter slots and the last revision outlive the agent. They need not outlive
// the machine: the data plane that knows them dies with it. Thread: the control thread.
class NumbersFile {
 public:
  struct Loaded;
  // Missing files give fresh numbers. Unreadable ones too, and `was_lost` says that what a data
  // plane holds may now mean something else.
  [[nodiscard]] static Result<Loaded> open(const std::filesystem::path& folder);

  // Written before a table with these numbers is sent. Writes only what changed.
  [[nodiscard]] Status save(const compile::Numbers& numbers, Revision revision);

 private:
  explicit NumbersFile(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::filesystem::path folder_;
  std::string saved_;
};

struct NumbersFile::Loaded {
  NumbersFile file;
  compile::Numbers numbers;
  Revision revision;
  bool was_lost = false;
};

}  // namespace bulkhead::control::apply
