// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "policy/base/result.h"
#include "policy/compile/compile.h"
#include "policy/model/cluster.h"
#include "policy/table/view.h"

namespace bulkhead::question {

// A run of points of the (protocol, port) line of table/format.h with one answer.
struct Run {
  std::uint32_t last = table::kLineEnd;
  Verdict verdict = Verdict::Deny;
  // Of the two decisions; slot 0 where an end has no policy.
  CounterSlot egress;
  CounterSlot ingress;
};

// One end, as a table knows it: all that a decision depends on. Ends of equal classes are alike.
struct Classes {
  table::IdentityRecord record;
  bool is_pod = false;  // else it has no policy of its own
  friend bool operator==(const Classes& a, const Classes& b) {
    return a.is_pod == b.is_pod && a.record.subject_class == b.record.subject_class &&
           a.record.peer_class == b.record.peer_class;
  }
  [[nodiscard]] std::array<std::uint32_t, 5> key() const {
    return {record.subject_class[0], record.subject_class[1], record.peer_class[0],
            record.peer_class[1], is_pod ? 1u : 0u};
  }
};

// What a compiled table allows from end to end, both directions of decision together: whether one
// end can open a connection to the other, on every protocol and port. Remembers what it has
// answered: not thread safe.
class Reach {
 public:
  // Compiles the cluster, every pod a subject.
  [[nodiscard]] static Result<Reach> compile(const model::Cluster& cluster);
  // Of two versions of a cluster, `before` first. What both have keeps its numbers, and the errors
  // name the version: "old" or "new".
  [[nodiscard]] static Result<std::pair<Reach, Reach>> compile_both(const model::Cluster& before,
                                                                    const model::Cluster& after);

  // A live pod, speaking with its first address of the family; one without any address speaks
  // both. Absent when it has addresses but none of this family.
  [[nodiscard]] std::optional<Classes> of_pod(const model::Pod& pod, Family family) const;
  // An address that no pod owns.
  [[nodiscard]] Classes of_outside(const IpAddress& address) const;
  // True for an address of the cluster that nobody owns.
  [[nodiscard]] bool is_unknown(const IpAddress& address) const {
    return view_.outside_identity(address) == kUnknownIdentity;
  }

  // Ascending, the last one ending at kLineEnd. Everything is denied between two ends that are no
  // pods. An end to itself is not asked: that is always allowed.
  [[nodiscard]] const std::vector<Run>& between(const Classes& from, const Classes& to);

  // One direction alone, as the subject's own policies decide it; ascending like `between`.
  struct Piece {
    std::uint32_t last = table::kLineEnd;
    Verdict verdict = Verdict::Deny;
    CounterSlot slot;
  };
  [[nodiscard]] const std::vector<Piece>& decided(Direction direction, const Classes& subject,
                                                  const Classes& peer) {
    return pieces(rule_set_of(direction, subject, peer));
  }

  // What a rule set of the table decides; ascending like `between`.
  [[nodiscard]] const std::vector<Piece>& pieces(std::uint32_t rule_set);
  [[nodiscard]] const table::TableView& view() const { return view_; }

  // The rule behind a slot; empty for slot 0.
  [[nodiscard]] std::string rule(CounterSlot slot) const;
  // True when some enforced decision of the table names the rule.
  [[nodiscard]] bool names(const std::string& rule) const { return enforced_.contains(rule); }

 private:
  Reach(std::shared_ptr<const compile::CompiledTable> compiled, table::TableView view);
  [[nodiscard]] static Result<Reach> open(compile::CompiledTable compiled);

  static constexpr std::uint32_t kNoPolicy = ~std::uint32_t{0};
  [[nodiscard]] std::uint32_t rule_set_of(Direction direction, const Classes& subject,
                                          const Classes& peer) const;
  [[nodiscard]] std::vector<Run> join(std::uint32_t egress, std::uint32_t ingress);

  std::shared_ptr<const compile::CompiledTable> compiled_;
  table::TableView view_;
  std::unordered_map<IpAddress, IdentityId> identities_;
  std::unordered_map<std::uint32_t, std::string> rules_;
  std::unordered_set<std::string> enforced_;                      // of those, the ones that decide
  std::unordered_map<std::uint32_t, std::vector<Piece>> pieces_;  // by rule set
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<Run>> runs_;
};

// The piece of the line that one run of points covers, in words a user knows.
struct PortSpan {
  std::string protocol;  // "TCP", "UDP", "SCTP", or "other" for every protocol without ports
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  [[nodiscard]] std::string text() const;  // "TCP/80", "TCP/80-90", "UDP", "other"
  friend auto operator<=>(const PortSpan&, const PortSpan&) = default;
};
// Cuts points [first, last] at the protocols' borders.
[[nodiscard]] std::vector<PortSpan> spans_of(std::uint32_t first, std::uint32_t last);
// The same for several: "all" when it is everything.
[[nodiscard]] std::string text_of(const std::vector<PortSpan>& spans);

}  // namespace bulkhead::question
