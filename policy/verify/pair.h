// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "policy/base/result.h"
#include "policy/base/shared_vector.h"
#include "policy/compile/compile.h"
#include "policy/table/lookup.h"
#include "policy/table/view.h"
#include "policy/verify/parties.h"
#include "policy/verify/table_cuts.h"

namespace bulkhead::verify {

// Compares everything both readers say about one pair in one direction: all protocols, all ports.
class PairCheck {
 public:
  // Both borrowed.
  PairCheck(const SharedVector<compile::SlotInfo>& slots, const table::TableView& table);

  // `cluster`: what the oracle answers from. Fails at the first difference, with both answers in
  // words.
  [[nodiscard]] Status check(const model::Cluster& cluster, Direction direction,
                             const Party& subject, const Party& peer);

  // (pair, protocol, port) questions asked of the table so far.
  [[nodiscard]] std::uint64_t questions() const { return questions_; }

 private:
  struct Pair {
    Direction direction;
    const Party& subject;
    const Party& peer;
    oracle::Party speaker;  // of the subject
    oracle::Party other;    // of the peer
  };
  [[nodiscard]] Status check_protocol(const model::Cluster& cluster, const Pair& pair,
                                      std::uint8_t protocol);
  void choose_ports(const Pair& pair, std::uint8_t protocol,
                    const std::vector<oracle::Interval>& intervals);
  void ask_table(const Pair& pair, std::uint8_t protocol);
  [[nodiscard]] Status compare(const Pair& pair, std::uint8_t protocol, std::uint16_t port,
                               const oracle::Answer& expected,
                               const table::Decision& decision) const;
  [[nodiscard]] bool names(CounterSlot slot, Direction direction, Verdict verdict,
                           const bool is_staged, const std::string& rule) const;
  [[nodiscard]] std::string text_of(CounterSlot slot) const;

  const table::TableView& table_;
  TableCuts cuts_;
  std::unordered_map<std::uint32_t, const compile::SlotInfo*> slots_;
  std::uint64_t questions_ = 0;
  std::vector<std::uint16_t> ports_;
  std::vector<table::Query> queries_;
  std::vector<table::Decision> decisions_;
};

}  // namespace bulkhead::verify
