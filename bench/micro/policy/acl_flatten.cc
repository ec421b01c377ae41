// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/policy/acl_flatten.h"

#include <algorithm>
#include <map>
#include <string>

#include "policy/oracle/match.h"

namespace bulkhead::bench {
namespace {

using PodList = std::vector<const model::Pod*>;

// The fewest blocks of `prefix` without `hole`.
void cut(const Prefix& prefix, const Prefix& hole, std::vector<Prefix>& out) {
  if (!prefix.contains(hole)) return out.push_back(prefix);
  if (prefix == hole) return;
  const Prefix low = *Prefix::make(prefix.address(), prefix.length() + 1);
  IpAddress upper = prefix.address();
  upper.bytes[prefix.length() / 8] |= static_cast<std::uint8_t>(0x80u >> (prefix.length() % 8));
  const Prefix high = *Prefix::make(upper, prefix.length() + 1);
  cut(low, hole, out);
  cut(high, hole, out);
}

class Flattener {
 public:
  Flattener(const model::Cluster& cluster, const Prefix& pods, std::size_t limit)
      : cluster_(cluster), all_pods_(pods), limit_(limit) {
    for (const auto& [key, pod] : cluster.pods) pods_[key.namespace_name].push_back(pod.get());
    for (const auto& [id, policy] : cluster.policies) {
      policies_[policy->namespace_name].push_back(policy.get());
    }
  }

  std::array<FlatPolicy, 2> run(const compile::LocalPods& local) {
    for (const auto& key : *local) add_subject(*cluster_.pods.at(key));
    return std::move(out_);
  }

 private:
  void add_subject(const model::Pod& subject) {
    for (const auto direction : kDirections) {
      FlatPolicy& flat = out_[static_cast<std::size_t>(direction)];
      bool is_isolated = false;
      for (const auto* policy : policies_[subject.key.namespace_name]) {
        const bool counts =
            oracle::applies_to(*policy, direction) && oracle::selects(cluster_, *policy, subject);
        if (!counts) continue;
        is_isolated = true;
        for (const auto& rule : policy->rules_of(direction)) {
          for (const auto& peer : rule.peers)
            add_peer(flat, direction, subject, *policy, rule, peer);
        }
      }
      if (is_isolated) flat.isolated.push_back(subject.ips.front());
    }
  }

  void add_peer(FlatPolicy& flat, Direction direction, const model::Pod& subject,
                const model::Policy& policy, const model::Rule& rule, const model::Peer& peer) {
    const bool is_ingress = direction == Direction::Ingress;
    if (const auto* block = std::get_if<model::CidrPeer>(&peer)) {
      std::vector<Prefix> blocks{block->prefix};
      for (const auto& hole : block->except) {
        std::vector<Prefix> rest;
        for (const auto& one : blocks) cut(one, hole, rest);
        blocks = std::move(rest);
      }
      for (const auto& one : blocks) add(flat, subject, one, is_ingress ? &subject : nullptr, rule);
      if (!is_ingress) add_named_in(flat, subject, blocks, rule);
      return;
    }
    const auto& wanted = std::get<model::PodPeer>(peer);
    const bool is_everyone = wanted.namespaces && *wanted.namespaces == model::LabelSelector{} &&
                             wanted.pods && *wanted.pods == model::LabelSelector{};
    if (is_everyone && is_ingress) return add(flat, subject, all_pods_, &subject, rule);
    for (const auto& [space, pods] : pods_) {
      const bool is_meant = wanted.namespaces
                                ? oracle::matches_namespace(cluster_, *wanted.namespaces, space)
                                : space == policy.namespace_name;
      if (!is_meant) continue;
      for (const auto* pod : pods) {
        if (wanted.pods && !oracle::matches_pod(*wanted.pods, *pod)) continue;
        add(flat, subject, Prefix::host(pod->ips.front()), is_ingress ? &subject : pod, rule);
        if (flat.allowed.size() > limit_) return;
      }
    }
  }

  // A block's addresses may be pods', and those have named ports.
  void add_named_in(FlatPolicy& flat, const model::Pod& subject, const std::vector<Prefix>& blocks,
                    model::Rule rule) {
    std::erase_if(rule.ports, [](const auto& match) {
      return std::holds_alternative<model::PortRange>(match.port);
    });
    if (rule.ports.empty()) return;
    for (const auto& [key, pod] : cluster_.pods) {
      const auto& ip = pod->ips.front();
      const bool is_held =
          std::ranges::any_of(blocks, [&](const Prefix& one) { return one.contains(ip); });
      if (is_held) add(flat, subject, Prefix::host(ip), pod.get(), rule);
    }
  }

  void add(FlatPolicy& flat, const model::Pod& subject, const Prefix& peer,
           const model::Pod* destination, const model::Rule& rule) {
    if (flat.allowed.size() > limit_) return;
    for (const auto& match : rule.ports) {
      const auto* range = std::get_if<model::PortRange>(&match.port);
      model::PortRange ports;
      if (range != nullptr) {
        ports = *range;
      } else {
        const auto& name = std::get<model::NamedPort>(match.port).name;
        const auto number = destination != nullptr
                                ? oracle::named_port(*destination, name, match.protocol)
                                : std::nullopt;
        if (!number) continue;
        ports = {*number, *number};
      }
      flat.allowed.push_back({subject.ips.front(), peer, match.protocol, ports});
    }
  }

  const model::Cluster& cluster_;
  Prefix all_pods_;
  std::size_t limit_;
  std::map<std::string, PodList> pods_;
  std::map<std::string, std::vector<const model::Policy*>> policies_;
  std::array<FlatPolicy, 2> out_;
};

}  // namespace

std::array<FlatPolicy, 2> flatten(const model::Cluster& cluster, const compile::LocalPods& local,
                                  const Prefix& pods, std::size_t limit) {
  return Flattener(cluster, pods, limit).run(local);
}

}  // namespace bulkhead::bench
