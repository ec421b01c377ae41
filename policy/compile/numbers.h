// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "policy/base/ids.h"

namespace bulkhead::compile {

// Numbers that outlive a table: identities and counter slots. An input of every compile, kept by
// the agent (and on disk), so that incremental and full compiles agree byte for byte and no counter
// is lost across swaps. Not thread safe: owned by the thread that compiles.
class Numbers {
 public:
  // The number of a key, allocated at first sight: lowest free number first.
  [[nodiscard]] IdentityId identity(const std::string& key);
  [[nodiscard]] CounterSlot slot(const std::string& key);

  // Gives a number back. The caller has made sure that no table or flow in force names it (law 7).
  void release_identity(const std::string& key);
  void release_slot(const std::string& key);

  [[nodiscard]] const std::map<std::string, std::uint32_t>& identities() const {
    return identities_;
  }
  [[nodiscard]] const std::map<std::string, std::uint32_t>& slots() const { return slots_; }

 private:
  std::map<std::string, std::uint32_t> identities_;
  std::map<std::string, std::uint32_t> slots_;
};

}  // namespace bulkhead::compile
