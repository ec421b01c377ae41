// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <set>
#include <span>
#include <string>

#include "policy/base/fd.h"
#include "policy/base/ip.h"
#include "policy/base/result.h"

namespace bulkhead::control::apply {

// Every address that the data plane's map may hold, kept beside dataplane.sock: an address is
// written before it is sent and struck out after its removal is acknowledged. So an agent that was
// killed at any moment can remove what should no longer be there. Thread: the control thread.
class AddressJournal {
 public:
  [[nodiscard]] static Result<AddressJournal> open(const std::filesystem::path& file);

  [[nodiscard]] const std::set<IpAddress>& held() const { return held_; }
  [[nodiscard]] Status will_hold(std::span<const IpAddress> addresses);
  [[nodiscard]] Status released(std::span<const IpAddress> addresses);
  // The data plane is a new one and holds nothing.
  [[nodiscard]] Status clear();

 private:
  explicit AddressJournal(std::filesystem::path file) : file_(std::move(file)) {}
  [[nodiscard]] Status append(const std::string& lines, std::size_t count);
  [[nodiscard]] Status rewrite();

  std::filesystem::path file_;
  Fd fd_;
  std::set<IpAddress> held_;
  std::size_t lines_ = 0;
  bool is_torn_ = false;  // the last write failed part way
};

}  // namespace bulkhead::control::apply
