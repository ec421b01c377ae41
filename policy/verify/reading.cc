// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/reading.h"

#include <algorithm>

#include "policy/oracle/match.h"

namespace bulkhead::verify {
namespace {

// The port a name stands for on the destination, or that it stands for none.
void append_named_ports(std::string& text, const model::Rule& rule, const model::Pod& destination) {
  for (const auto& match : rule.ports) {
    const auto* named = std::get_if<model::NamedPort>(&match.port);
    if (named == nullptr) continue;
    const auto port = oracle::named_port(destination, named->name, match.protocol);
    text += port ? 'p' : '-';
    text += static_cast<char>(port.value_or(0) >> 8);
    text += static_cast<char>(port.value_or(0) & 0xff);
  }
}

}  // namespace

Reading::Reading(const model::Cluster& cluster) {
  narrowed_.settings = cluster.settings;
  narrowed_.namespaces = cluster.namespaces;
  for (const auto& [id, policy] : cluster.policies) {
    of_namespace_[policy->namespace_name].emplace_back(&id, &policy);
  }
}

void Reading::turn_to(const model::Pod& subject) {
  if (subject_ == &subject) return;
  subject_ = &subject;
  narrowed_.policies.clear();
  for (const std::string_view space :
       {std::string_view(), std::string_view(subject.key.namespace_name)}) {
    const auto found = of_namespace_.find(space);
    if (found == of_namespace_.end()) continue;
    for (const auto& [id, policy] : found->second) {
      if (oracle::selects(narrowed_, **policy, subject)) narrowed_.policies.emplace(*id, *policy);
    }
  }
}

void Reading::write_signature(std::string& text, Direction direction,
                              const oracle::Party& peer) const {
  const model::Pod* pod = oracle::live_pod(peer);
  text.clear();
  const auto note = [&](const bool holds) { text += holds ? '1' : '0'; };
  note(pod != nullptr);
  note(peer.own_node);
  note(oracle::is_unknown(narrowed_, peer));
  note(oracle::is_cluster_dns(narrowed_, peer));
  if (subject_->quarantine) {
    const auto& forensic = subject_->quarantine->forensic_peer;
    note(forensic && peer.address && forensic->contains(*peer.address));
  }
  for (const auto& entry : narrowed_.policies) {
    const model::Policy& policy = *entry.second;
    for (const auto& rule : policy.rules_of(direction)) {
      const bool is_peer =
          rule.peers.empty() || std::ranges::any_of(rule.peers, [&](const model::Peer& written) {
            return oracle::matches_peer(narrowed_, policy.namespace_name, written, peer);
          });
      note(is_peer);
      if (direction == Direction::Egress && pod != nullptr) append_named_ports(text, rule, *pod);
    }
  }
}

}  // namespace bulkhead::verify
