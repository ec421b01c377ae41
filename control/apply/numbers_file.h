// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "policy/base/fd.h"
#include "policy/base/ids.h"
#include "policy/base/result.h"
#include "policy/compile/numbers.h"

namespace bulkhead::control::apply {

// Where identities, counter slots and the last revision outlive the agent. They need not outlive
// the machine: the data plane that knows them dies with it. All numbers, and behind them a line for
// each change; written whole again when the lines outgrow the numbers. Thread: the control thread.
class NumbersFile {
 public:
  struct Loaded;
  // Missing files give fresh numbers. Unreadable ones too, and `was_lost` says that what a data
  // plane holds may now mean something else. A last line that was cut short was never relied on.
  // The numbers keep their changes from here on.
  [[nodiscard]] static Result<Loaded> open(const std::filesystem::path& folder);

  // To be written by the next save(); every change of the numbers, in order.
  void note(const compile::Numbers::Change& change);
  // Written before a table with these numbers is sent. Writes only what changed.
  [[nodiscard]] Status save(const compile::Numbers& numbers, Revision revision);

 private:
  explicit NumbersFile(std::filesystem::path folder) : folder_(std::move(folder)) {}
  [[nodiscard]] Status append();
  [[nodiscard]] Status rewrite(const compile::Numbers& numbers);

  std::filesystem::path folder_;
  Fd journal_;  // closed: to be written whole
  std::string unwritten_;
  std::size_t unwritten_lines_ = 0;
  std::size_t lines_ = 0;
};

struct NumbersFile::Loaded {
  NumbersFile file;
  compile::Numbers numbers;
  Revision revision;
  bool was_lost = false;
};

}  // namespace bulkhead::control::apply
