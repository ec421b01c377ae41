// SPDX-License-Identifier: Apache-2.0
#include "policy/question/shadow.h"

#include <algorithm>
#include <map>
#include <set>

#include "policy/oracle/match.h"
#include "policy/question/hits.h"
#include "policy/question/outside.h"
#include "policy/question/reach.h"

namespace bulkhead::question {
namespace {

using model::Policy;
using model::Rule;

// The rule's ports as points of the line; names count on the destination.
std::vector<Points> points_of(const Rule& rule, const model::Pod* destination) {
  if (rule.ports.empty()) return {Points{}};
  std::vector<Points> points;
  const auto add = [&](std::uint8_t protocol, std::uint16_t first, std::uint16_t last) {
    points.push_back({table::line_point(protocol, first), table::line_point(protocol, last)});
  };
  for (const auto& match : rule.ports) {
    if (const auto* range = std::get_if<model::PortRange>(&match.port)) {
      add(match.protocol, range->first, range->last);
    } else if (destination != nullptr) {
      const auto& name = std::get<model::NamedPort>(match.port).name;
      const auto port = oracle::named_port(*destination, name, match.protocol);
      if (port) add(match.protocol, *port, *port);
    }
  }
  std::ranges::sort(points);
  return points;
}

// One end that a rule may concern.
struct End {
  Classes classes;
  const model::Pod* pod = nullptr;
  std::optional<IpAddress> address;
};

class Finder {
 public:
  Finder(const model::Cluster& cluster, Reach& reach) : cluster_(cluster), reach_(reach) {
    for (const auto& [id, policy] : cluster.policies) {
      if (policy->tier != model::Tier::Admin || policy->staged) continue;
      for (const auto direction : kDirections) {
        for (const auto& rule : policy->rules_of(direction)) {
          admin_.emplace(policy->rule_id(direction, rule), Shadow::By{policy.get(), &rule});
        }
      }
    }
    for (const auto family : {Family::V4, Family::V6}) list_ends(family);
  }

  std::vector<Shadow> find() {
    std::vector<Shadow> shadows;
    for (const auto& [id, policy] : cluster_.policies) {
      if (oracle::is_staged(cluster_, *policy)) continue;
      for (const auto direction : kDirections) {
        if (policy->tier == model::Tier::NetworkPolicy && !oracle::applies_to(*policy, direction)) {
          continue;
        }
        for (const auto& rule : policy->rules_of(direction)) {
          // A Pass rule decides nothing by its nature.
          if (rule.action == model::RuleAction::Pass) continue;
          if (reach_.names(policy->rule_id(direction, rule))) continue;
          if (auto by = deciders(*policy, direction, rule); !by.empty()) {
            shadows.push_back({policy.get(), direction, &rule, std::move(by)});
          }
        }
      }
    }
    return shadows;
  }

 private:
  void list_ends(Family family) {
    auto& ends = ends_[family == Family::V4 ? 0 : 1];
    for (const auto& [key, pod] : cluster_.pods) {
      if (!pod->is_live()) continue;
      const auto classes = reach_.of_pod(*pod, family);
      if (!classes) continue;
      const auto address = std::ranges::find(pod->ips, family, &IpAddress::family);
      ends.push_back({*classes, pod.get(),
                      address != pod->ips.end() ? std::optional(*address) : std::nullopt});
    }
    const std::array<const model::Cluster*, 1> clusters{&cluster_};
    for (const auto& stretch : stretches(clusters)) {
      if (stretch.first.family != family || reach_.is_unknown(stretch.first)) continue;
      ends.push_back({reach_.of_outside(stretch.first), nullptr, stretch.first});
    }
  }

  [[nodiscard]] bool has_peer(const Policy& policy, const Rule& rule, const End& end) const {
    const oracle::Party party{end.pod, end.address, false};
    return rule.peers.empty() || std::ranges::any_of(rule.peers, [&](const model::Peer& peer) {
             return oracle::matches_peer(cluster_, policy.namespace_name, peer, party);
           });
  }

  // Ends that differ neither to the table nor in the rule's ports stand for one another.
  using Alike = std::map<std::pair<std::array<std::uint32_t, 5>, std::vector<Points>>, Classes>;

  // The Admin rules that decide all that the rule concerns; none when that is nothing, or when
  // anything else decides a part of it.
  [[nodiscard]] std::vector<Shadow::By> deciders(const Policy& policy, Direction direction,
                                                 const Rule& rule) {
    std::set<std::string> ids;
    for (const auto& ends : ends_) {
      Alike subjects, peers;
      for (const End& end : ends) {
        const bool is_egress = direction == Direction::Egress;
        // A quarantine ends: what it hides meanwhile is no shadow.
        const bool is_subject = end.pod != nullptr && !end.pod->quarantine &&
                                oracle::selects(cluster_, policy, *end.pod);
        if (is_subject) {
          subjects.emplace(std::pair{end.classes.key(),
                                     is_egress ? std::vector<Points>() : points_of(rule, end.pod)},
                           end.classes);
        }
        if (has_peer(policy, rule, end)) {
          peers.emplace(std::pair{end.classes.key(),
                                  is_egress ? points_of(rule, end.pod) : std::vector<Points>()},
                        end.classes);
        }
      }
      for (const auto& [subject, subject_classes] : subjects) {
        for (const auto& [peer, peer_classes] : peers) {
          const auto& points = direction == Direction::Egress ? peer.second : subject.second;
          const auto& pieces = reach_.decided(direction, subject_classes, peer_classes);
          if (!collect(pieces, points, ids)) return {};
        }
      }
    }
    std::vector<Shadow::By> by;
    for (const auto& id : ids) by.push_back(admin_.at(id));
    return by;
  }

  // False when something else than an Admin rule decides at one of the points.
  [[nodiscard]] bool collect(const std::vector<Reach::Piece>& pieces,
                             const std::vector<Points>& points, std::set<std::string>& ids) const {
    std::uint32_t first = 0;
    for (const auto& piece : pieces) {
      const bool is_touched = std::ranges::any_of(points, [&](const Points& wanted) {
        return std::max(first, wanted.first) <= std::min(piece.last, wanted.last);
      });
      first = piece.last + 1;
      if (!is_touched) continue;
      std::string id = reach_.rule(piece.slot);
      if (!admin_.contains(id)) return false;
      ids.insert(std::move(id));
    }
    return true;
  }

  const model::Cluster& cluster_;
  Reach& reach_;
  std::map<std::string, Shadow::By> admin_;  // by rule id
  std::array<std::vector<End>, 2> ends_;     // of IPv4, of IPv6
};

}  // namespace

std::vector<Shadow> find_shadows(const model::Cluster& cluster) {
  const bool has_admin = std::ranges::any_of(cluster.policies, [](const auto& named) {
    return named.second->tier == model::Tier::Admin && !named.second->staged;
  });
  if (!has_admin) return {};
  auto reach = Reach::compile(cluster);
  if (!reach) return {};
  return Finder(cluster, *reach).find();
}

}  // namespace bulkhead::question
