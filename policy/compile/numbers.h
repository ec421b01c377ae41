// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

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

  // A number that was given to a key, or taken back from it.
  struct Change {
    enum class Kind : std::uint8_t { Identity, Slot };
    Kind kind = Kind::Identity;
    bool is_taken = true;
    std::uint32_t number = 0;
    std::string key;
  };
  // From here on changes are kept until they are asked for; before, and offline, they are not.
  void keep_changes() { changes_.emplace(); }
  // Those since the last call, in order.
  [[nodiscard]] std::vector<Change> take_changes();

  // A moment in these numbers' life. Copies have lives of their own.
  struct Lineage {};
  struct Mark {
    std::shared_ptr<const Lineage> lineage;
    std::size_t released = 0;
  };
  [[nodiscard]] Mark mark();
  struct Released {
    Change::Kind kind = Change::Kind::Identity;
    std::uint32_t number = 0;
  };
  // What was given back since then; nothing when that cannot be told: other numbers, or too many.
  [[nodiscard]] std::optional<std::vector<Released>> released_since(const Mark& mark) const;

  [[nodiscard]] const std::map<std::string, std::uint32_t>& identities() const {
    return identities_.numbers;
  }
  [[nodiscard]] const std::map<std::string, std::uint32_t>& slots() const { return slots_.numbers; }

  // The very places that were remembered last: a copy of the numbers has the same.
  [[nodiscard]] std::shared_ptr<const table::Places> shared_places() const { return places_; }
  // Where the last table that these numbers were given to has its parts. Not in text(): after a
  // restart a table is laid out anew.
  [[nodiscard]] const table::Places& places() const { return *places_; }
  void remember(table::Places places) {
    places_ = std::make_shared<const table::Places>(std::move(places));
  }

  // One line a number, "identity 16 KEY" or "slot 3 KEY", keys percent-escaped, sorted by key.
  [[nodiscard]] std::string text() const;
  // What to put behind such lines: the same for a number taken, "free-identity 16 KEY" or
  // "free-slot 3 KEY" for one taken back.
  [[nodiscard]] static std::string line_of(const Change& change);
  // Reads such lines. Refuses a repeated key or number, reserved numbers, and the freeing of what
  // is not taken, naming the line.
  [[nodiscard]] static Result<Numbers> parse(std::string_view text);

 private:
  struct Pool {
    std::uint32_t next = 0;        // every number from here on is free
    std::set<std::uint32_t> free;  // released numbers below it
    std::map<std::string, std::uint32_t> numbers;

    [[nodiscard]] std::uint32_t take(const std::string& key);
    // The number that was given back; none when the key had none.
    std::optional<std::uint32_t> release(const std::string& key);
    [[nodiscard]] Status restore(std::string key, std::uint32_t number, std::uint32_t first);
    [[nodiscard]] Status restore_freed(const std::string& key, std::uint32_t number);
    void rebuild_free(std::uint32_t first);
  };

  // Not copied: see Mark.
  struct LifeOfOne {
    std::shared_ptr<const Lineage> lineage;
    std::vector<Released> released;

    LifeOfOne() = default;
    ~LifeOfOne() = default;
    LifeOfOne(const LifeOfOne&) noexcept {}
    LifeOfOne& operator=(const LifeOfOne&) noexcept { return *this = LifeOfOne(); }
    LifeOfOne(LifeOfOne&&) noexcept = default;
    LifeOfOne& operator=(LifeOfOne&&) noexcept = default;
  };

  Pool identities_{.next = kFirstDynamicIdentity.value, .free = {}, .numbers = {}};
  Pool slots_{.next = 1, .free = {}, .numbers = {}};
  void note(Change::Kind kind, bool is_taken, std::uint32_t number, const std::string& key);

  std::optional<std::vector<Change>> changes_;  // absent: nobody asks
  LifeOfOne life_;
  std::shared_ptr<const table::Places> places_ = std::make_shared<const table::Places>();
};

}  // namespace bulkhead::compile
