// SPDX-License-Identifier: Apache-2.0
#include "policy/question/prove.h"

#include <algorithm>
#include <map>
#include <set>

#include "policy/oracle/match.h"
#include "policy/question/hits.h"
#include "policy/question/outside.h"

namespace bulkhead::question {
namespace {

// Ends of one class that an assertion's side holds. Two names are enough to find two that differ.
struct Group {
  Classes classes;
  std::vector<std::string> names;
};
using Groups = std::map<std::array<std::uint32_t, 5>, Group>;

void add(Groups& groups, const Classes& classes, std::string name) {
  auto& group = groups.try_emplace(classes.key(), Group{classes, {}}).first->second;
  if (group.names.size() < 2) group.names.push_back(std::move(name));
}

bool holds(const model::Cluster& cluster, const AssertedEnd& end, const model::Pod& pod,
           Family family) {
  if (end.is_world) return false;
  if (end.cidr) {
    return std::ranges::any_of(pod.ips, [&](const IpAddress& ip) {
      return ip.family == family && end.cidr->contains(ip);
    });
  }
  const bool is_space = !end.namespaces ||
                        oracle::matches_namespace(cluster, *end.namespaces, pod.key.namespace_name);
  return is_space && (!end.pods || oracle::matches_pod(*end.pods, pod));
}

bool holds(const AssertedEnd& end, const Stretch& stretch) {
  if (end.cidr) return end.cidr->contains(stretch.first);
  return end.is_world || end.is_everybody();
}

enum class Side : std::uint8_t { Inside, Outside };

// Everybody that the end holds, or (Outside) does not hold.
Groups groups_of(const model::Cluster& cluster, const Reach& reach, const AssertedEnd& end,
                 Side side, std::span<const Stretch> outside, Family family) {
  Groups groups;
  for (const auto& [key, pod] : cluster.pods) {
    if (!pod->is_live()) continue;
    if (holds(cluster, end, *pod, family) != (side == Side::Inside)) continue;
    if (const auto classes = reach.of_pod(*pod, family)) add(groups, *classes, key.text());
  }
  for (const auto& stretch : outside) {
    if (stretch.first.family != family || reach.is_unknown(stretch.first)) continue;
    if (holds(end, stretch) != (side == Side::Inside)) continue;
    add(groups, reach.of_outside(stretch.first), stretch.text());
  }
  return groups;
}

std::vector<Points> points_of(const std::vector<PortSpan>& ports) {
  if (ports.empty()) return {Points{}};
  std::vector<Points> points;
  for (const auto& span : ports) {
    const std::uint8_t protocol = protocol_number(span.protocol).value_or(0);
    points.push_back(
        {table::line_point(protocol, span.first), table::line_point(protocol, span.last)});
  }
  return points;
}

// The first point among `wanted` whose verdict is the forbidden one.
std::optional<std::pair<std::uint32_t, Run>> find_point(const std::vector<Run>& runs,
                                                        const std::vector<Points>& wanted,
                                                        Verdict forbidden) {
  for (const auto& points : wanted) {
    std::uint32_t first = 0;
    for (const auto& run : runs) {
      const std::uint32_t low = std::max(first, points.first);
      const bool is_touched = low <= std::min(run.last, points.last);
      if (is_touched && run.verdict == forbidden) return std::pair{low, run};
      first = run.last + 1;
    }
  }
  return {};
}

// Two ends of the groups that are not one and the same; nothing when there are none.
std::optional<std::pair<std::string, std::string>> two_of(const Group& from, const Group& to) {
  for (const auto& a : from.names) {
    for (const auto& b : to.names) {
      if (a != b) return std::pair{a, b};
    }
  }
  return {};
}

class Prover {
 public:
  Prover(const model::Cluster& cluster, Reach& reach, std::span<const Stretch> outside)
      : cluster_(cluster), reach_(reach), outside_(outside) {}

  Proof prove(const Assertion& assertion) {
    Proof proof{assertion, Proof::Outcome::Proven, {}, 0};
    bool has_from = false;
    bool has_to = false;
    for (const auto family : {Family::V4, Family::V6}) {
      const auto named =
          groups_of(cluster_, reach_, assertion.from, Side::Inside, outside_, family);
      const auto to = groups_of(cluster_, reach_, assertion.to, Side::Inside, outside_, family);
      has_from = has_from || !named.empty();
      has_to = has_to || !to.empty();
      const auto from =
          assertion.kind == Assertion::Kind::Only
              ? groups_of(cluster_, reach_, assertion.from, Side::Outside, outside_, family)
              : named;
      if (!proof.witness) search(proof, from, to, family);
    }
    if (proof.witness) {
      proof.outcome = Proof::Outcome::Refuted;
    } else if (!has_from || !has_to ||
               (proof.pairs == 0 && assertion.kind != Assertion::Kind::Only)) {
      proof.outcome = Proof::Outcome::Vacuous;
    }
    return proof;
  }

 private:
  // A connection is forbidden that a policy on its way decides so: to be allowed it needs both
  // ends, to be denied one is enough. Only pairs where the table has such a decision are looked at.
  void search(Proof& proof, const Groups& from, const Groups& to, Family family) {
    proof.pairs += pairs_of(from, to);
    const bool is_always = proof.assertion.kind == Assertion::Kind::Always;
    const Verdict forbidden = is_always ? Verdict::Deny : Verdict::Allow;
    const auto wanted = points_of(proof.assertion.ports);
    const auto look_at = [&](const Group& source, const Group& destination) {
      proof.witness = witness_of(source, destination, family, wanted, forbidden);
      return !proof.witness;
    };
    Hits hits(reach_, wanted, forbidden);
    const Columns sources(from, Direction::Ingress);
    for (const auto& [key, destination] : to) {
      if (!destination.classes.is_pod) continue;
      const auto into = [&](const Group& source) { return look_at(source, destination); };
      if (!sources.visit(hits, destination.classes, into)) return;
    }
    const Columns destinations(to, Direction::Egress);
    for (const auto& [key, source] : from) {
      if (!source.classes.is_pod) continue;
      const auto out_to = [&](const Group& destination) {
        const bool was_seen = !is_always && destination.classes.is_pod;
        return was_seen || look_at(source, destination);
      };
      if (!destinations.visit(hits, source.classes, out_to)) return;
    }
  }

  // The groups as peers, by their column.
  class Columns {
   public:
    Columns(const Groups& groups, Direction direction) : direction_(direction) {
      for (const auto& [key, group] : groups) {
        const auto column = group.classes.record.peer_class[static_cast<std::size_t>(direction)];
        groups_.resize(std::max<std::size_t>(groups_.size(), column + 1));
        groups_[column].push_back(&group);
      }
    }
    // Those about which the subject decides as the hits say, until `look_at` returns false.
    template <class LookAt>
    bool visit(Hits& hits, const Classes& subject, const LookAt& look_at) const {
      const auto columns = static_cast<std::uint32_t>(groups_.size());
      return hits.for_each(direction_, subject, columns, [&](std::uint32_t column) {
        return std::ranges::all_of(groups_[column],
                                   [&](const Group* group) { return look_at(*group); });
      });
    }

   private:
    Direction direction_;
    std::vector<std::vector<const Group*>> groups_;
  };

  // Pairs of classes with two different ends, one of them a pod: no policy here decides between two
  // ends outside.
  static std::size_t pairs_of(const Groups& from, const Groups& to) {
    const auto outside = [](const Groups& groups) {
      return static_cast<std::size_t>(std::ranges::count_if(
          groups, [](const auto& group) { return !group.second.classes.is_pod; }));
    };
    std::size_t pairs = from.size() * to.size() - outside(from) * outside(to);
    for (const auto& [key, group] : from) {
      const auto same = to.find(key);
      if (same != to.end() && group.classes.is_pod && !two_of(group, same->second)) --pairs;
    }
    return pairs;
  }

  [[nodiscard]] std::optional<Witness> witness_of(const Group& source, const Group& destination,
                                                  Family family, const std::vector<Points>& wanted,
                                                  Verdict forbidden) {
    const auto ends = two_of(source, destination);
    if (!ends) return {};
    const auto found =
        find_point(reach_.between(source.classes, destination.classes), wanted, forbidden);
    if (!found) return {};
    const auto& [point, run] = *found;
    return Witness{ends->first,
                   ends->second,
                   family,
                   spans_of(point, point).front(),
                   run.verdict,
                   reach_.rule(run.egress),
                   reach_.rule(run.ingress)};
  }

  const model::Cluster& cluster_;
  Reach& reach_;
  std::span<const Stretch> outside_;
};

}  // namespace

Result<std::vector<Proof>> prove(const model::Cluster& cluster,
                                 const std::vector<Assertion>& assertions) {
  auto reach = Reach::compile(cluster);
  if (!reach) return tl::unexpected(reach.error());
  std::vector<Prefix> blocks;
  for (const auto& assertion : assertions) {
    for (const auto* end : {&assertion.from, &assertion.to}) {
      if (end->cidr) blocks.push_back(*end->cidr);
    }
  }
  const std::array<const model::Cluster*, 1> clusters{&cluster};
  const auto outside = stretches(clusters, blocks);
  Prover prover(cluster, *reach, outside);
  std::vector<Proof> proofs;
  for (const auto& assertion : assertions) proofs.push_back(prover.prove(assertion));
  return proofs;
}

}  // namespace bulkhead::question
