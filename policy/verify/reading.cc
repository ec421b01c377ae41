// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/reading.h"

#include <fmt/format.h>

#include <algorithm>

#include "policy/oracle/match.h"

namespace bulkhead::verify {
namespace {

// For fewer, remembering what the oracle said costs more than asking it again.
constexpr std::size_t kFewPeers = 256;

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

Reading::Reading(const model::Cluster& cluster, const Parties& parties)
    : cluster_(cluster), parties_(parties) {
  narrowed_.settings = cluster.settings;
  narrowed_.namespaces = cluster.namespaces;
}

void Reading::turn_to(const model::Pod& subject, std::size_t peers) {
  if (subject_ != &subject) {
    subject_ = &subject;
    narrowed_.policies.clear();
    for (const auto kind : {model::PolicyKind::NetworkPolicy, model::PolicyKind::Segment}) {
      add_policies(fmt::format("{}/{}/", name_of(kind), subject.key.namespace_name));
    }
    for (const auto kind :
         {model::PolicyKind::ClusterNetworkPolicy, model::PolicyKind::AdminNetworkPolicy,
          model::PolicyKind::BaselineAdminNetworkPolicy}) {
      add_policies(fmt::format("{}/", name_of(kind)));
    }
  }
  const bool remembers = peers > kFewPeers;
  for (const Direction direction : kDirections) read(direction, remembers);
}

// Those of the cluster whose id begins so (they are kept by their ids) and that select the subject.
void Reading::add_policies(const std::string& id_prefix) {
  const auto& policies = cluster_.policies;
  for (auto at = policies.lower_bound(id_prefix);
       at != policies.end() && at->first.starts_with(id_prefix); ++at) {
    if (oracle::selects(narrowed_, *at->second, *subject_)) {
      narrowed_.policies.emplace(at->first, at->second);
    }
  }
}

void Reading::read(Direction direction, const bool remembers) {
  auto& rules = rules_[static_cast<std::size_t>(direction)];
  rules.clear();
  for (const auto& [id, policy] : narrowed_.policies) {
    for (const auto& rule : policy->rules_of(direction)) {
      ReadRule read{.policy = policy.get(), .rule = &rule, .pods = {}, .others = {}};
      for (const auto& peer : rule.peers) {
        const auto* pods = std::get_if<model::PodPeer>(&peer);
        if (remembers && pods != nullptr) {
          read.pods.push_back({.peer = pods,
                               .spaces = std::vector<Known>(parties_.spaces.size()),
                               .labels = std::vector<Known>(parties_.label_sets)});
        } else {
          read.others.push_back(&peer);
        }
      }
      read.names_ports = std::ranges::any_of(rule.ports, [](const model::PortMatch& match) {
        return std::holds_alternative<model::NamedPort>(match.port);
      });
      rules.push_back(std::move(read));
    }
  }
}

void Reading::write_signature(std::string& text, Direction direction, const Party& party) {
  const oracle::Party& peer = party.party;
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
  for (ReadRule& read : rules_[static_cast<std::size_t>(direction)]) {
    note(has(read, party, pod));
    if (direction == Direction::Egress && read.names_ports && pod != nullptr) {
      append_named_ports(text, *read.rule, *pod);
    }
  }
}

bool Reading::has(ReadRule& read, const Party& peer, const model::Pod* pod) {
  if (read.rule->peers.empty()) return true;
  if (pod != nullptr) {
    for (Remembered& remembered : read.pods) {
      if (has(remembered, *read.policy, peer, *pod)) return true;
    }
  }
  return std::ranges::any_of(read.others, [&](const model::Peer* written) {
    return oracle::matches_peer(narrowed_, read.policy->namespace_name, *written, peer.party);
  });
}

// The oracle's matches_peer() of a PodPeer: its namespace, and its labels.
bool Reading::has(Remembered& remembered, const model::Policy& policy, const Party& peer,
                  const model::Pod& pod) {
  const oracle::Party somebody{.pod = &pod, .address = {}};
  Known& space = remembered.spaces[peer.space];
  if (space == Known::NotYet) {
    const model::PodPeer anyone{.namespaces = remembered.peer->namespaces, .pods = std::nullopt};
    space = oracle::matches_peer(narrowed_, policy.namespace_name, anyone, somebody) ? Known::Yes
                                                                                     : Known::No;
  }
  if (space == Known::No) return false;
  Known& labels = remembered.labels[peer.labels];
  if (labels == Known::NotYet) {
    const bool matches = !remembered.peer->pods || oracle::matches_pod(*remembered.peer->pods, pod);
    labels = matches ? Known::Yes : Known::No;
  }
  return labels == Known::Yes;
}

}  // namespace bulkhead::verify
