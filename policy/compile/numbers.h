// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "policy/base/ids.h"
#include "policy/base/result.h"
#include "policy/table/places.h"

namespace bulkhead::compile {

// Numbers that outlive a table: identities, counter slots and places. An input of every compile,
// kept by the agent (and on disk), so that incremental and full compiles agree byte for byte and no
// counter is lost across swaps. Not thread safe: owned by the thread that compiles. A failed
// compile may have taken numbers; they stay valid.
class Numbers {
 public:
  // The number of a key, allocated at first sight: lowest free number first.
  [[nodiscard]] IdentityId identity(const std::string& key);
  [[nodiscard]] CounterSlot slot(const std::string& key);

  // Gives a number back. The caller has made sure that no table or flow in force names it (law 7).
  void release_identity(const std::string& key);
  void release_slot(const std::string& key);

  // Equal as long as no identity was numbered or given back, in copies too.
  struct Version {};
  [[nodiscard]] std::shared_ptr<const Version> identity_version();

  [[nodiscard]] const std::map<std::string, std::uint32_t>& identities() const {
    return identities_.numbers;
  }
  [[nodiscard]] const std::map<std::string, std::uint32_t>& slots() const { return slots_.numbers; }

  // Where the last table that these numbers were given to has its parts. Not in text(): after a
  // restart a table is laid out anew.
  [[nodiscard]] const table::Places& places() const { return *places_; }
  void remember(table::Places places) {
    places_ = std::make_shared<const table::Places>(std::move(places));
  }

  // One line a number, "identity 16 KEY" or "slot 3 KEY", keys percent-escaped, sorted by key.
  [[nodiscard]] std::string text() const;
  // Reads text() back. Refuses a repeated key or number and reserved numbers, naming the line.
  [[nodiscard]] static Result<Numbers> parse(std::string_view text);

 private:
  struct Pool {
    std::uint32_t next = 0;        // every number from here on is free
    std::set<std::uint32_t> free;  // released numbers below it
    std::map<std::string, std::uint32_t> numbers;

    [[nodiscard]] std::uint32_t take(const std::string& key);
    void release(const std::string& key);
    [[nodiscard]] Status restore(std::string key, std::uint32_t number, std::uint32_t first);
    void rebuild_free(std::uint32_t first);
  };

  Pool identities_{.next = kFirstDynamicIdentity.value, .free = {}, .numbers = {}};
  Pool slots_{.next = 1, .free = {}, .numbers = {}};
  std::shared_ptr<const Version> identity_version_;  // made at first need
  std::shared_ptr<const table::Places> places_ = std::make_shared<const table::Places>();
};

}  // namespace bulkhead::compile
