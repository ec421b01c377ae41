// SPDX-License-Identifier: Apache-2.0
#include "policy/question/suggest.h"

#include <algorithm>
#include <map>
#include <variant>

#include "policy/question/blocks.h"
#include "policy/question/judge.h"
#include "policy/question/workload.h"

namespace bulkhead::question {
namespace {

// A peer of a suggested rule: a workload, by its position, or an outside block.
using PeerKey = std::variant<std::size_t, Prefix>;
using Service = std::pair<std::uint8_t, std::uint16_t>;  // protocol, port
using Services = std::set<Service>;

// What one workload was seen to need, by direction.
using Needs = std::array<std::map<PeerKey, Services>, 2>;

struct Place {
  std::optional<std::size_t> workload;  // else outside
  End end;
};

std::string service_text(const SeenFlow& flow) { return Probe{flow.protocol, flow.port}.text(); }

// Neighbouring ports as one entry.
std::vector<model::PortMatch> port_matches(const Services& services) {
  std::vector<model::PortMatch> matches;
  for (const auto& [protocol, port] : services) {
    if (!matches.empty() && matches.back().protocol == protocol) {
      auto& range = std::get<model::PortRange>(matches.back().port);
      if (range.last + 1 == port) {
        range.last = port;
        continue;
      }
    }
    matches.push_back({protocol, model::PortRange{port, port}});
  }
  return matches;
}

class Suggester {
 public:
  Suggester(const model::Cluster& cluster, const SuggestOptions& options)
      : cluster_(cluster), options_(options), workloads_(cluster) {
    for (const auto& [key, pod] : cluster.pods) {
      if (!pod->is_live()) continue;
      for (const auto& ip : pod->ips) owners_.emplace(ip, pod.get());
    }
  }

  Result<Suggestion> run(std::span<const SeenFlow> flows) {
    choose_namespaces(flows);
    for (const auto& flow : flows) take(flow);
    if (used_.empty()) return nothing_learnt(flows.size());
    suggestion_.records = flows.size();
    model::Cluster after = cluster_;
    write_policies(after);
    if (auto checked = check(after); !checked) return tl::unexpected(checked.error());
    suggestion_.changes = diff(cluster_, after);
    for (const auto& [words, records] : left_out_) {
      suggestion_.left_out.push_back({words[0], words[1], words[2], words[3], records});
    }
    return std::move(suggestion_);
  }

 private:
  [[nodiscard]] tl::unexpected<Error> nothing_learnt(std::size_t records) const {
    constexpr std::string_view kWhat =
        "no recorded flow tells what to allow, and policies made from nothing would close all";
    if (left_out_.empty()) return fail("{} ({} read)", kWhat, records);
    const auto& [words, count] = *left_out_.begin();
    return fail("{} ({} read); {} -> {} {}: {}", kWhat, records, words[0], words[1], words[2],
                words[3]);
  }

  [[nodiscard]] bool is_wanted(const SeenFlow& flow) const {
    return flow.verdict == Verdict::Allow || options_.with_denied;
  }

  void choose_namespaces(std::span<const SeenFlow> flows) {
    scope_ = options_.namespaces;
    if (!scope_.empty()) return;
    for (const auto& flow : flows) {
      if (!is_wanted(flow)) continue;
      for (const auto* end : {&flow.source, &flow.destination}) {
        const auto& name = end->pod.namespace_name;
        const bool may_choose = !name.empty() && !cluster_.settings.exempt.contains(name);
        if (may_choose && workloads_.find(end->pod)) scope_.insert(name);
      }
    }
  }

  [[nodiscard]] bool is_in_scope(std::size_t workload) const {
    return scope_.contains(workloads_.all()[workload].namespace_name);
  }

  void leave_out(const SeenFlow& flow, std::string why) {
    ++left_out_[{flow.source.text(), flow.destination.text(), service_text(flow), std::move(why)}];
  }

  // Where an end is now; fails saying why it cannot be told.
  [[nodiscard]] Result<Place> place_of(const SeenEnd& seen) const {
    if (!seen.pod.name.empty()) {
      const auto workload = workloads_.find(seen.pod);
      if (!workload) return fail("{} is no live pod of the inventory", seen.pod.text());
      const auto known = cluster_.pods.find(seen.pod);
      const auto* pod = known != cluster_.pods.end() && known->second->is_live()
                            ? known->second.get()
                            : workloads_.all()[*workload].pods.front();
      auto end = end_of(*pod, seen.ip.family);
      return Place{workload, end ? *end : *end_of(*pod, std::nullopt)};
    }
    if (const auto owner = owners_.find(seen.ip); owner != owners_.end()) {
      return fail("{} is {} today, but nobody knew whose it was then", seen.ip.text(),
                  owner->second->key.text());
    }
    const bool is_inside = std::ranges::any_of(
        cluster_.settings.pod_cidrs, [&](const Prefix& cidr) { return cidr.contains(seen.ip); });
    if (is_inside) return fail("{} is a pod address that no pod has", seen.ip.text());
    return Place{std::nullopt, End{seen.ip.text(), "External", nullptr, seen.ip}};
  }

  // The block around an outside address that a rule names.
  [[nodiscard]] Prefix block_of(const IpAddress& ip) const {
    const unsigned length = ip.family == Family::V4 ? options_.length_v4 : options_.length_v6;
    const auto wide = Prefix::make(ip, length);
    if (!wide) return Prefix::host(ip);
    const bool has_pod = std::ranges::any_of(
        owners_, [&](const auto& owner) { return wide->contains(owner.first); });
    const bool meets_cidr = std::ranges::any_of(
        cluster_.settings.pod_cidrs,
        [&](const Prefix& cidr) { return wide->contains(cidr) || cidr.contains(*wide); });
    return has_pod || meets_cidr ? Prefix::host(ip) : *wide;
  }

  void take(const SeenFlow& flow) {
    // Always allowed, whatever policies say.
    const bool needs_no_rule = flow.verdict == Verdict::Allow &&
                               (flow.rule == model::kRuleOwnNode || flow.rule == model::kRuleSelf);
    if (needs_no_rule) {
      ++suggestion_.allowed;
      return;
    }
    const auto from = place_of(flow.source);
    if (!from) return leave_out(flow, from.error().message);
    const auto to = place_of(flow.destination);
    if (!to) return leave_out(flow, to.error().message);
    if (!is_wanted(flow)) {
      return leave_out(flow, "it was denied when it was recorded");
    }
    const bool is_concerned = (from->workload && is_in_scope(*from->workload)) ||
                              (to->workload && is_in_scope(*to->workload));
    if (!is_concerned) return leave_out(flow, "neither end is a pod of the chosen namespaces");
    if (!has_ports(flow.protocol) || flow.port == 0) {
      return leave_out(flow, "a NetworkPolicy can name ports of TCP, UDP and SCTP only");
    }
    const Service service{flow.protocol, flow.port};
    need(*from, Direction::Egress, *to, flow.destination.ip, service);
    need(*to, Direction::Ingress, *from, flow.source.ip, service);
    used_.push_back({&flow, from->end, to->end});
  }

  void need(const Place& subject, Direction direction, const Place& peer, const IpAddress& ip,
            const Service& service) {
    if (!subject.workload || !is_in_scope(*subject.workload)) return;
    const PeerKey key = peer.workload ? PeerKey(*peer.workload) : PeerKey(block_of(ip));
    needs_[*subject.workload][static_cast<std::size_t>(direction)][key].insert(service);
  }

  [[nodiscard]] model::Peer peer_of(std::size_t position, const Workload& subject) const {
    const Workload& workload = workloads_.all()[position];
    model::PodPeer peer;
    peer.pods = workload.selector;
    if (workload.namespace_name != subject.namespace_name) {
      peer.namespaces.emplace().match_labels.emplace(model::kNamespaceNameLabel,
                                                     workload.namespace_name);
    }
    return peer;
  }

  // One rule for each set of services: the peers that need exactly these.
  [[nodiscard]] std::vector<model::Rule> rules_of(const Workload& subject,
                                                  const std::map<PeerKey, Services>& needs) const {
    std::map<Services, std::pair<std::vector<std::size_t>, std::vector<Prefix>>> alike;
    for (const auto& [key, services] : needs) {
      auto& [pods, blocks] = alike[services];
      if (const auto* position = std::get_if<std::size_t>(&key)) {
        pods.push_back(*position);
      } else {
        blocks.push_back(std::get<Prefix>(key));
      }
    }
    std::vector<model::Rule> rules;
    for (auto& [services, peers] : alike) {
      model::Rule rule;
      rule.index = std::to_string(rules.size());
      for (const auto position : peers.first) rule.peers.push_back(peer_of(position, subject));
      for (const auto& block : merged(std::move(peers.second))) {
        rule.peers.emplace_back(model::CidrPeer{block, {}});
      }
      rule.ports = port_matches(services);
      rules.push_back(std::move(rule));
    }
    return rules;
  }

  void write_policies(model::Cluster& after) {
    for (const auto& [id, policy] : cluster_.policies) {
      const bool goes =
          policy->tier == model::Tier::NetworkPolicy && scope_.contains(policy->namespace_name);
      if (goes) suggestion_.replaces.push_back(id);
    }
    for (const auto& id : suggestion_.replaces) after.policies.erase(id);
    for (std::size_t i = 0; i < workloads_.all().size(); ++i) {
      if (!is_in_scope(i)) continue;
      const Workload& workload = workloads_.all()[i];
      model::Policy policy;
      policy.namespace_name = workload.namespace_name;
      policy.name = "suggested-" + workload.name;
      policy.subject_pods = workload.selector;
      policy.policy_types = {Direction::Ingress, Direction::Egress};
      if (const auto needs = needs_.find(i); needs != needs_.end()) {
        for (const auto direction : kDirections) {
          const auto at = static_cast<std::size_t>(direction);
          policy.rules[at] = rules_of(workload, needs->second[at]);
        }
      } else {
        suggestion_.unseen.push_back(workload.text());
      }
      after.policies.emplace(policy.id(), std::make_shared<const model::Policy>(policy));
      suggestion_.policies.push_back(std::move(policy));
    }
  }

  // Whether each flow would really pass: a tier above, or a policy elsewhere, may still deny it.
  [[nodiscard]] Status check(const model::Cluster& after) {
    std::set<model::PodKey> subjects;
    for (const auto& use : used_) {
      for (const auto* pod : {use.from.pod, use.to.pod}) {
        if (pod != nullptr) subjects.insert(pod->key);
      }
    }
    const auto judge = TableJudge::compile(after, subjects);
    if (!judge) return tl::unexpected(judge.error());
    for (const auto& use : used_) {
      const auto judgement =
          judge->judge(use.from, use.to, Probe{use.flow->protocol, use.flow->port});
      if (judgement.verdict() == Verdict::Allow) {
        ++suggestion_.allowed;
        continue;
      }
      const bool is_egress = judgement.egress && judgement.egress->verdict == Verdict::Deny;
      const auto& answer = is_egress ? *judgement.egress : *judgement.ingress;
      leave_out(*use.flow, fmt::format("{} would still deny it ({})", answer.rule,
                                       is_egress ? "egress" : "ingress"));
    }
    return {};
  }

  struct Use {
    const SeenFlow* flow;
    End from;
    End to;
  };

  const model::Cluster& cluster_;
  const SuggestOptions& options_;
  Workloads workloads_;
  std::map<IpAddress, const model::Pod*> owners_;
  std::set<std::string> scope_;
  std::map<std::size_t, Needs> needs_;
  std::vector<Use> used_;
  std::map<std::array<std::string, 4>, std::size_t> left_out_;  // by from, to, service, why
  Suggestion suggestion_;
};

}  // namespace

std::string SeenEnd::text() const { return pod.name.empty() ? ip.text() : pod.text(); }

Result<Suggestion> suggest(const model::Cluster& cluster, std::span<const SeenFlow> flows,
                           const SuggestOptions& options) {
  return Suggester(cluster, options).run(flows);
}

}  // namespace bulkhead::question
