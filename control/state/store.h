// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/source/source.h"
#include "policy/parse/objects.h"

namespace bulkhead::control::state {

// What must happen on disk so that a restart sees the same last accepted objects.
struct AcceptedChange {
  std::string unit;
  std::optional<std::string> text;  // absent: forget the unit
};

// The state of one unit, for status and `GET /v1/policies`.
struct UnitState {
  std::string unit;
  bool is_broken = false;     // its latest content is not in force
  bool has_accepted = false;  // objects of an earlier content serve meanwhile
  std::vector<Error> errors;
};

// What is in force as far as sources can say, law 10 applied.
struct Accepted {
  parse::Objects objects;  // each object and each live pod address once
  // Named by broken units that were never accepted: nothing but what accepted policies allow.
  std::set<std::string> closed_namespaces;
  // Why nothing new may be published; absent when all is well.
  std::optional<std::string> blocked;
};

// The latest and the last accepted content of every unit. A unit is accepted as a whole: when it
// has no errors and none of its objects (or live pod addresses) is already held by another unit.
// The one that is in force keeps it: bad input changes nothing. Thread: one.
class Store {
 public:
  // The last accepted text of a unit, from disk, before the first apply().
  void restore(const std::string& unit, const std::string& text);

  // Takes changes in; answers what disk must learn. Repeating a change changes nothing.
  std::vector<AcceptedChange> apply(const std::vector<source::Change>& changes);

  [[nodiscard]] Accepted accepted() const;
  [[nodiscard]] std::vector<UnitState> units() const;
  [[nodiscard]] std::vector<std::string> unit_names() const;
  // Units that became broken, or broken in another way, since the agent began.
  [[nodiscard]] std::uint64_t rejections() const { return rejections_; }

 private:
  struct Unit {
    source::ContentPtr latest;    // null until the source has spoken
    source::ContentPtr accepted;  // null when never accepted
    std::vector<Error> errors;    // why `latest` is not accepted
    bool is_vanishing = false;
  };
  // Which unit holds an object ("NetworkPolicy/db/web", "Pod/db/a", "address 10.0.0.1").
  using Holders = std::map<std::string, std::string>;

  [[nodiscard]] Holders holders() const;
  [[nodiscard]] std::vector<Error> objections(const std::string& name, const Unit& unit,
                                              const Holders& holders) const;
  void settle(std::vector<AcceptedChange>& changes);

  std::map<std::string, Unit> units_;
  std::uint64_t rejections_ = 0;
};

}  // namespace bulkhead::control::state
