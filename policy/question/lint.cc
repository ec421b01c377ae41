// SPDX-License-Identifier: Apache-2.0
#include "policy/question/lint.h"

#include <algorithm>
#include <optional>
#include <set>

#include "policy/oracle/match.h"
#include "policy/question/by_namespace.h"
#include "policy/question/cover.h"
#include "policy/question/shadow.h"

namespace bulkhead::question {
namespace {

using model::Policy;
using model::Rule;

class Linter {
 public:
  explicit Linter(const model::Cluster& cluster) : cluster_(cluster), by_namespace_(cluster) {}

  std::vector<Finding> run() {
    for (const auto* policy : by_namespace_.policies()) lint_policy(*policy);
    for (const auto& [name, space] : cluster_.namespaces) {
      lint_staging(*space);
      lint_namespace(*space);
    }
    for (const auto& shadow : find_shadows(cluster_)) lint_tiers(shadow);
    sort(findings_);
    return std::move(findings_);
  }

 private:
  void add(std::string_view id, const model::Origin& where, std::string object, std::string message,
           std::string mend) {
    findings_.push_back({std::string(id), lint_rule(id).severity, where, std::move(object),
                         std::move(message), std::move(mend)});
  }

  void add_rule(std::string_view id, const Policy& policy, Direction direction, const Rule& rule,
                std::string message, std::string mend) {
    const bool is_placed = rule.origin.line != 0;
    add(id, is_placed ? rule.origin : policy.origin, policy.rule_id(direction, rule),
        std::move(message), std::move(mend));
    findings_.back().rule_name = rule.name;
  }

  void lint_policy(const Policy& policy) {
    std::vector<const model::Pod*> subjects;
    for (const auto* pod : by_namespace_.pods_for(policy)) {
      if (oracle::selects(cluster_, policy, *pod)) subjects.push_back(pod);
    }
    if (!by_namespace_.pods().empty() && subjects.empty()) {
      add("BL001", policy.origin, policy.id(), "selects no pod that was read",
          "mend its selector or take the policy away");
    }
    lint_policy_types(policy);
    lint_dns(policy, subjects);
    for (const auto direction : kDirections) {
      const auto& rules = policy.rules_of(direction);
      if (!is_asked(policy, direction)) continue;
      for (const auto& rule : rules) {
        lint_shadow(policy, direction, rule);
        lint_nodes(policy, direction, rule);
        if (rule.action != model::RuleAction::Accept) continue;
        lint_width(policy, direction, rule);
        lint_blocks(policy, direction, rule);
        lint_named_ports(policy, direction, rule, subjects);
      }
    }
  }

  bool is_staged(const Policy& policy) const { return oracle::is_staged(cluster_, policy); }

  static bool is_asked(const Policy& policy, Direction direction) {
    return policy.tier != model::Tier::NetworkPolicy || oracle::applies_to(policy, direction);
  }

  void lint_policy_types(const Policy& policy) {
    if (policy.kind != model::PolicyKind::NetworkPolicy) return;
    for (const auto direction : kDirections) {
      if (is_asked(policy, direction) || policy.rules_of(direction).empty()) continue;
      add("BL010", policy.origin, policy.id(),
          fmt::format("its {} rules are ignored, because policyTypes does not name the direction",
                      name_of(direction)),
          "add the direction to policyTypes or take the rules away");
    }
    const bool is_trap = !policy.policy_types && policy.rules_of(Direction::Ingress).empty() &&
                         !policy.rules_of(Direction::Egress).empty();
    if (is_trap) {
      add("BL009", policy.origin, policy.id(),
          "has only egress rules and no policyTypes, so it also closes ingress",
          "write `policyTypes: [Egress]`, or [Ingress, Egress] if that is meant");
    }
  }

  // The other rule that leaves nothing for this one to decide.
  void lint_shadow(const Policy& policy, Direction direction, const Rule& rule) {
    const bool is_union = policy.tier == model::Tier::NetworkPolicy;
    bool is_earlier = true;
    for (const auto* other : by_namespace_.policies(policy.namespace_name)) {
      const bool counts = other->tier == policy.tier && is_asked(*other, direction) &&
                          covers_subjects(*other, policy) && is_staged(*other) == is_staged(policy);
      for (const auto& candidate : other->rules_of(direction)) {
        if (&candidate == &rule) {
          is_earlier = false;
          continue;
        }
        if (!counts || (!is_union && !is_earlier)) continue;
        if (!covers(candidate, rule)) continue;
        // Of two rules that mean the same, the first one stays.
        const bool is_mutual = covers_subjects(policy, *other) && covers(rule, candidate);
        if (!is_earlier && is_mutual) continue;
        add_rule("BL002", policy, direction, rule,
                 fmt::format("adds nothing: {} already decides all of it",
                             other->rule_id(direction, candidate)),
                 "take the rule away, or narrow the other one");
        shadowed_.insert(findings_.back().object);
        return;
      }
    }
  }

  // What lint_shadow finds by the text alone is said once.
  void lint_tiers(const Shadow& shadow) {
    if (shadowed_.contains(shadow.policy->rule_id(shadow.direction, *shadow.rule))) return;
    std::vector<std::string> names;
    for (const auto& by : shadow.by) {
      const auto& origin = by.rule->origin.line != 0 ? by.rule->origin : by.policy->origin;
      const std::string name = by.policy->rule_id(shadow.direction, *by.rule);
      names.push_back(origin.line == 0 ? name : fmt::format("{} ({})", name, origin.text()));
    }
    add_rule("BL012", *shadow.policy, shadow.direction, *shadow.rule,
             fmt::format("decides nothing about the pods and addresses that were read: the admin "
                         "tier's {} {} all of it before",
                         fmt::join(names, ", "), names.size() == 1 ? "decides" : "decide"),
             "take the rule away, or write a Pass rule in front of the other one");
  }

  void lint_nodes(const Policy& policy, Direction direction, const Rule& rule) {
    for (const auto& peer : rule.peers) {
      const auto* nodes = std::get_if<model::NodePeer>(&peer);
      if (nodes == nullptr || !oracle::addresses_of_nodes(cluster_, *nodes).empty()) continue;
      add_rule("BL014", policy, direction, rule,
               cluster_.nodes.empty() ? "names nodes, and no Node was read: it matches none"
                                      : "selects no node with an address, so it matches none",
               "read the Node objects as well (kubectl get nodes -o yaml), or mend the selector");
      return;
    }
  }

  static bool is_everyone(const Rule& rule) {
    const auto has_whole = [&](Family family) {
      return std::ranges::any_of(rule.peers, [&](const model::Peer& peer) {
        const auto* block = std::get_if<model::CidrPeer>(&peer);
        return block != nullptr && block->prefix.length() == 0 && block->except.empty() &&
               block->prefix.family() == family;
      });
    };
    return rule.peers.empty() || (has_whole(Family::V4) && has_whole(Family::V6));
  }

  void lint_width(const Policy& policy, Direction direction, const Rule& rule) {
    if (!is_everyone(rule)) return;
    const std::string_view peers = direction == Direction::Ingress ? "from" : "to";
    const std::string mend = fmt::format("name the peers in `{}`", peers);
    if (rule.ports.empty()) {
      add_rule("BL003", policy, direction, rule,
               "allows every peer, in and out of the cluster, on every port", mend);
    } else {
      add_rule("BL011", policy, direction, rule,
               "allows every peer, in and out of the cluster, on its ports",
               mend + " if not all of it is meant");
    }
  }

  void lint_blocks(const Policy& policy, Direction direction, const Rule& rule) {
    if (is_everyone(rule)) return;
    for (const auto& peer : rule.peers) {
      const auto* block = std::get_if<model::CidrPeer>(&peer);
      const std::string held = block != nullptr ? pods_in(*block) : "";
      if (held.empty()) continue;
      add_rule("BL006", policy, direction, rule,
               fmt::format("the block {} also holds {}", block->prefix.text(), held),
               "name pods by labels, and put the pods' addresses under `except`");
    }
  }

  // A pod that the block holds, or, before any pod has an address, the addresses pods will have.
  std::string pods_in(const model::CidrPeer& block) const {
    if (const auto* pod = by_namespace_.pod_in(block)) return "pod " + pod->key.text();
    for (const auto& cidr : cluster_.settings.pod_cidrs) {
      const bool meets = block.prefix.contains(cidr) || cidr.contains(block.prefix);
      const bool is_excepted = std::ranges::any_of(
          block.except, [&](const Prefix& except) { return except.contains(cidr); });
      if (meets && !is_excepted) return "pod addresses of " + cidr.text();
    }
    return {};
  }

  void lint_named_ports(const Policy& policy, Direction direction, const Rule& rule,
                        ByNamespace::Pods subjects) {
    // A tier's destinationNamedPort is one entry a protocol: found once is found.
    const bool is_any_protocol = policy.tier != model::Tier::NetworkPolicy;
    std::set<std::string> asked;
    for (const auto& match : rule.ports) {
      const auto* named = std::get_if<model::NamedPort>(&match.port);
      if (named == nullptr || (is_any_protocol && !asked.insert(named->name).second)) continue;
      std::set<const model::Pod*> destinations;
      const auto has_port = [&](const model::Pod* pod) {
        if (direction == Direction::Egress && !is_peer(policy, rule, *pod)) return false;
        destinations.insert(pod);
        return std::ranges::any_of(pod->ports, [&](const model::ContainerPort& port) {
          return port.name == named->name && (is_any_protocol || port.protocol == match.protocol);
        });
      };
      const bool is_found = direction == Direction::Ingress
                                ? std::ranges::any_of(subjects, has_port)
                                : any_pod_near(policy, rule, has_port);
      if (is_found || destinations.empty()) continue;
      const std::string protocol = is_any_protocol ? "" : protocol_name(match.protocol) + " ";
      add_rule("BL007", policy, direction, rule,
               fmt::format("none of the {} destination pods has a {}port named {}",
                           destinations.size(), protocol, named->name),
               "name a port that the pods declare, or write its number");
    }
  }

  // Asks about the pods that the rule's peers could be, one perhaps twice, until one is like this.
  template <class Predicate>
  bool any_pod_near(const Policy& policy, const Rule& rule, const Predicate& is_like_this) const {
    if (rule.peers.empty()) return std::ranges::any_of(by_namespace_.pods(), is_like_this);
    return std::ranges::any_of(rule.peers, [&](const model::Peer& peer) {
      if (const auto* block = std::get_if<model::CidrPeer>(&peer)) {
        return std::ranges::any_of(by_namespace_.addresses_in(block->prefix), is_like_this,
                                   &ByNamespace::Address::second);
      }
      const auto* pods = std::get_if<model::PodPeer>(&peer);
      if (pods == nullptr) return std::ranges::any_of(by_namespace_.pods(), is_like_this);
      if (!pods->namespaces) {
        return std::ranges::any_of(by_namespace_.pods(policy.namespace_name), is_like_this);
      }
      return std::ranges::any_of(by_namespace_.names(), [&](const std::string& name) {
        return oracle::matches_namespace(cluster_, *pods->namespaces, name) &&
               std::ranges::any_of(by_namespace_.pods(name), is_like_this);
      });
    });
  }

  bool is_peer(const Policy& policy, const Rule& rule, const model::Pod& pod) const {
    const oracle::Party party{
        &pod, pod.ips.empty() ? std::nullopt : std::optional<IpAddress>(pod.ips.front()), false};
    return rule.peers.empty() || std::ranges::any_of(rule.peers, [&](const model::Peer& peer) {
             return oracle::matches_peer(cluster_, policy.namespace_name, peer, party);
           });
  }

  static bool may_resolve(const Rule& rule) {
    constexpr std::uint16_t kDnsPort = 53;
    if (rule.action != model::RuleAction::Accept) return false;
    return rule.ports.empty() || std::ranges::any_of(rule.ports, [](const auto& match) {
             const auto* range = std::get_if<model::PortRange>(&match.port);
             return match.protocol == kUdp && (range == nullptr || range->contains(kDnsPort));
           });
  }

  // Warns where something may go out that names are needed for; a pod that may reach nothing at
  // all needs no names.
  void lint_dns(const Policy& policy, ByNamespace::Pods subjects) {
    const bool closes = policy.tier == model::Tier::NetworkPolicy && !is_staged(policy) &&
                        oracle::applies_to(policy, Direction::Egress) &&
                        !policy.rules_of(Direction::Egress).empty();
    if (!closes) return;
    for (const auto* pod : subjects) {
      const auto resolves = [&](const Policy* other) {
        return is_asked(*other, Direction::Egress) &&
               std::ranges::any_of(other->rules_of(Direction::Egress), may_resolve) &&
               oracle::selects(cluster_, *other, *pod) && !is_staged(*other);
      };
      const bool can_resolve = by_namespace_.any_policy(pod->key.namespace_name, resolves);
      if (can_resolve) continue;
      add("BL004", policy.origin, policy.id(),
          fmt::format("closes the egress of {} and no rule allows it UDP/53", pod->key.text()),
          policy.kind == model::PolicyKind::Segment ? "write `dns: true`"
                                                    : "allow UDP/53 and TCP/53 to the cluster DNS");
      return;
    }
  }

  // Any rule or isolation that keeps some peer out counts as closing.
  bool closes_ingress(const Policy& policy, const model::Pod& pod) const {
    if (is_staged(policy) || !oracle::selects(cluster_, policy, pod)) return false;
    if (policy.tier == model::Tier::NetworkPolicy) {
      return oracle::applies_to(policy, Direction::Ingress);
    }
    return std::ranges::any_of(policy.rules_of(Direction::Ingress), [](const Rule& rule) {
      return rule.action == model::RuleAction::Deny;
    });
  }

  void lint_staging(const model::Namespace& space) {
    if (!space.staged) return;
    const auto count = by_namespace_.policies(space.name).size();
    add("BL013", space.origin, "Namespace/" + space.name,
        fmt::format("is staged: {}{} of its policies are counted, not enforced",
                    space.default_deny ? "its default and " : "", count),
        "take `bulkhead.io/mode: staged` away when the counters show what was meant");
  }

  void lint_namespace(const model::Namespace& space) {
    const bool is_closed = (space.default_deny && !space.staged) ||
                           (cluster_.settings.default_verdict == Verdict::Deny &&
                            !cluster_.settings.exempt.contains(space.name));
    if (is_closed) return;
    const auto pods = by_namespace_.pods(space.name);
    std::vector<std::string> open;
    for (const auto* pod : pods) {
      const bool is_pod_closed = by_namespace_.any_policy(
          space.name, [&](const Policy* policy) { return closes_ingress(*policy, *pod); });
      if (!is_pod_closed) open.push_back(pod->key.text());
    }
    if (open.empty()) return;
    add("BL005", space.origin, "Namespace/" + space.name,
        fmt::format("{} of {} pods take connections from everywhere, {} for one", open.size(),
                    pods.size(), open.front()),
        "write a Segment for the namespace, or annotate it with `bulkhead.io/default: deny`");
  }

  const model::Cluster& cluster_;
  ByNamespace by_namespace_;
  std::vector<Finding> findings_;
  std::set<std::string> shadowed_;  // rules of a finding of BL002
};

}  // namespace

std::vector<Finding> lint(const model::Cluster& cluster) { return Linter(cluster).run(); }

}  // namespace bulkhead::question
