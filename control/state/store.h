// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/source/source.h"
#include "control/state/accepted.h"
#include "control/state/holders.h"

namespace bulkhead::control::state {

// What must happen on disk so that a restart sees the same last accepted objects.
struct AcceptedChange {
  std::string unit;
  std::optional<std::string> text;  // absent: forget the unit
};

// A unit whose latest content is not in force, for status and `GET /v1/policies`. Objects of an
// earlier content may serve meanwhile.
struct BrokenUnit {
  std::string unit;
  std::vector<Error> errors;
};

// The latest and the last accepted content of every unit. A unit is accepted as a whole: when it
// has no errors and none of its objects (or live pod addresses) is already held by another unit.
// The one that is in force keeps it: bad input changes nothing. A change costs what its unit holds,
// not what all others do. Thread: one.
class Store {
 public:
  Store() = default;
  // Not copied: what is held refers to the units.
  Store(Store&&) = default;
  Store& operator=(Store&&) = default;

  // The last accepted text of a unit, from disk, before the first apply().
  void restore(const std::string& unit, const std::string& text);

  // Takes changes in; answers what disk must learn. Repeating a change changes nothing.
  std::vector<AcceptedChange> apply(const std::vector<source::Change>& changes);

  [[nodiscard]] const Accepted& accepted() const { return accepted_; }
  [[nodiscard]] std::vector<BrokenUnit> broken() const;
  [[nodiscard]] bool is_broken(const std::string& unit) const { return unsettled_.contains(unit); }
  [[nodiscard]] bool has_broken() const { return !unsettled_.empty(); }
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
  using Units = std::map<std::string, Unit>;

  void present(const source::Change& change);
  void set_vanishing(Units::iterator unit, bool is_vanishing);
  void claim(const Units::value_type& unit);
  void give_up(const Units::value_type& unit);
  [[nodiscard]] std::vector<Error> objections(const std::string& name, const Unit& unit) const;
  void accept_what_can_be(std::vector<AcceptedChange>& changes);
  void settle();

  Units units_;
  std::set<std::string> unsettled_;  // units whose latest content is not the accepted one
  Holders holders_;                  // of all accepted content
  Accepted accepted_;
  std::uint64_t rejections_ = 0;
};

}  // namespace bulkhead::control::state
