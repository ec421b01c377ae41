// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "policy/verify/backlog.h"
#include "policy/verify/pair.h"
#include "policy/verify/parties.h"
#include "policy/verify/reading.h"
#include "policy/verify/residents.h"
#include "policy/verify/scope.h"
#include "policy/verify/table_diff.h"
#include "policy/verify/verifier.h"
#include "policy/verify/written_peers.h"

namespace bulkhead::verify {

// What Verifier knows. All of it may be thrown away at any time: that costs comparing again.
class Verifier::State {
 public:
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // Nothing of what is known would be of use.
  [[nodiscard]] bool is_of_no_use_for(const Checked& next) const;
  // follow() failed half-way.
  [[nodiscard]] bool is_broken() const { return is_broken_; }
  [[nodiscard]] Status follow(const Checked& next, std::uint64_t seed);
  [[nodiscard]] Status step(const std::function<bool()>& has_time, Until until);
  void put_off();

  [[nodiscard]] Report report() const;
  [[nodiscard]] Report change() const;
  [[nodiscard]] bool is_complete() const { return checked_.compiled && backlog_.is_empty(); }
  [[nodiscard]] bool has_checked_change() const { return !backlog_.has_urgent(); }

 private:
  // The bytes at hand. Not to be moved: the check looks into the view.
  struct Opened {
    explicit Opened(std::shared_ptr<const compile::CompiledTable> table, table::TableView opened)
        : compiled(std::move(table)), view(std::move(opened)), check(compiled->slots, view) {}
    std::shared_ptr<const compile::CompiledTable> compiled;
    table::TableView view;
    PairCheck check;
  };

  [[nodiscard]] bool has_same_bytes(const compile::CompiledTable& next) const;
  [[nodiscard]] Result<std::unique_ptr<Opened>> open(const Checked& next) const;
  void note_text(const Scope& scope, const Checked& next);
  void follow_bytes(const Opened* before, const Parties::News& news);
  void note_bytes(const Opened& before, const std::vector<PartyId>& new_peers);
  void note_news(const Parties::News& news);

  [[nodiscard]] Status advance();
  [[nodiscard]] Status advance_task(const Task& task);
  [[nodiscard]] Status check_pair(const Backlog::Pair& pair);
  [[nodiscard]] Status check_class(const Task& task, PartyId peer, Reading::Class peer_class,
                                   std::uint32_t rule_set, Reading& reading, bool& has_compared);
  [[nodiscard]] Reading& reading_of(PartyId subject);
  void begin(const Task& task);

  Checked checked_;
  std::unique_ptr<Opened> opened_;
  std::unique_ptr<Parties> parties_ = std::make_unique<Parties>();
  WrittenPeers written_{parties_->kinds()};
  struct Kept {
    Reading reading;
    std::uint32_t version = 0;
  };
  std::unordered_map<std::uint32_t, Kept> readings_;  // by kind
  Backlog backlog_;
  Residents residents_;
  NamedRuleSets named_;
  std::vector<std::uint32_t> stamps_;  // by rule set: the version it last changed with
  std::uint32_t version_ = 0;
  std::uint64_t change_pairs_ = 0;
  std::uint64_t compared_ = 0;
  std::uint64_t questions_ = 0;  // before the bytes at hand
  std::optional<Error> mismatch_;
  bool is_broken_ = false;

  // The task at hand, laid out to be walked fast; of one version.
  std::optional<Task> begun_;
  std::optional<std::pair<std::uint32_t, Direction>> classified_;  // kind and direction
  Reading::Classes classes_;
  std::array<std::vector<std::uint32_t>, 2> columns_;  // by Direction and PartyId
  std::vector<std::uint32_t> row_;                     // rule sets by column
  std::vector<std::uint32_t> seen_;                    // by class: the last rule set found right
};

}  // namespace bulkhead::verify
