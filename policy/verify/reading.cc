// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "policy/oracle/match.h"
#include "policy/verify/cuts.h"

namespace bulkhead::verify {
namespace {

// The number of what a quarantine asks; rules are counted from behind it.
constexpr std::uint32_t kForensicRule = 0;

// The ports that names stand for on the destination, or that they stand for none.
std::string named_ports(const model::Rule& rule, const model::Pod& destination) {
  std::string text;
  for (const auto& match : rule.ports) {
    const auto* named = std::get_if<model::NamedPort>(&match.port);
    if (named == nullptr) continue;
    const auto port = oracle::named_port(destination, named->name, match.protocol);
    text += port ? std::to_string(*port) : "-";
    text += ' ';
  }
  return text;
}

std::size_t memo_of(Direction direction, PartyFlags subject) {
  return static_cast<std::size_t>(direction) * 2 + ((subject & kIsDns) != 0 ? 1 : 0);
}

std::uint64_t memo_key(Reading::Class peer, std::uint32_t rule_set) {
  return std::uint64_t{peer} << 32 | rule_set;
}

}  // namespace

// Multipliers of splitmix64, as in kinds.cc.
std::size_t Reading::StepHash::operator()(const Step& step) const {
  const std::uint64_t pair = std::uint64_t{step.from} << 32 | step.rule;
  return (pair * 0x9e3779b97f4a7c15u) ^ (step.port_key * 0xbf58476d1ce4e5b9u);
}

Reading::Reading(const model::Cluster& cluster, const model::Pod& subject, WrittenPeers& written)
    : written_(written), space_(subject.key.namespace_name), subject_(&subject) {
  narrowed_.settings = cluster.settings;
  narrowed_.nodes = cluster.nodes;
  turn_to(cluster);
  if (subject.quarantine) forensic_peer_ = subject.quarantine->forensic_peer;
  for (const auto kind : {model::PolicyKind::NetworkPolicy, model::PolicyKind::Segment}) {
    add_policies(cluster, fmt::format("{}/{}/", name_of(kind), subject.key.namespace_name));
  }
  for (const auto kind :
       {model::PolicyKind::ClusterNetworkPolicy, model::PolicyKind::AdminNetworkPolicy,
        model::PolicyKind::BaselineAdminNetworkPolicy}) {
    add_policies(cluster, fmt::format("{}/", name_of(kind)));
  }
  for (const Direction direction : kDirections) read(direction, written);
  subject_ = nullptr;
  pair_ = narrowed_;
}

const model::Cluster& Reading::narrowed_to(const Party& peer) {
  pair_.namespaces.clear();
  const auto add = [&](const std::string& name) {
    const auto found = narrowed_.namespaces.find(name);
    if (found != narrowed_.namespaces.end()) pair_.namespaces.emplace(name, found->second);
  };
  add(space_);
  if (peer.party.pod != nullptr) add(peer.party.pod->key.namespace_name);
  return pair_;
}

void Reading::turn_to(const model::Cluster& cluster) { narrowed_.namespaces = cluster.namespaces; }

// Those of the cluster whose id begins so (they are kept by their ids) and that select the subject.
void Reading::add_policies(const model::Cluster& cluster, const std::string& id_prefix) {
  const auto& policies = cluster.policies;
  for (auto at = policies.lower_bound(id_prefix);
       at != policies.end() && at->first.starts_with(id_prefix); ++at) {
    if (oracle::selects(narrowed_, *at->second, *subject_)) {
      narrowed_.policies.emplace(at->first, at->second);
    }
  }
}

void Reading::read(Direction direction, WrittenPeers& written) {
  for (const auto& [id, policy] : narrowed_.policies) {
    for (const auto& rule : policy->rules_of(direction)) {
      ReadRule read;
      read.policy_namespace = policy->namespace_name;
      read.rule = &rule;
      for (const auto& peer : rule.peers) add_peer(read, peer, written);
      read.names_ports = direction == Direction::Egress &&
                         std::ranges::any_of(rule.ports, [](const model::PortMatch& match) {
                           return std::holds_alternative<model::NamedPort>(match.port);
                         });
      rules_[static_cast<std::size_t>(direction)].push_back(std::move(read));
    }
  }
}

void Reading::add_peer(ReadRule& read, const model::Peer& peer, WrittenPeers& written) {
  if (const auto* pods = std::get_if<model::PodPeer>(&peer)) {
    read.pods.push_back(written.of(read.policy_namespace, *pods));
    return;
  }
  const bool names_addresses = std::holds_alternative<model::CidrPeer>(peer) ||
                               std::holds_alternative<model::NodePeer>(peer);
  if (names_addresses) {
    read.blocks.push_back(blocks_of(read, peer));
  } else {
    read.others.push_back(&peer);
  }
}

// The bounds of what is written are where the answer may change; the oracle says what it is there.
Reading::Blocks Reading::blocks_of(const ReadRule& read, const model::Peer& peer) const {
  AddressCuts cuts;
  if (const auto* cidr = std::get_if<model::CidrPeer>(&peer)) {
    cuts.add(cidr->prefix);
    for (const Prefix& except : cidr->except) cuts.add(except);
  } else {
    const auto& nodes = std::get<model::NodePeer>(peer);
    for (const IpAddress& address : oracle::addresses_of_nodes(narrowed_, nodes)) {
      cuts.add(Prefix::host(address));
    }
  }
  const model::Pod anyone;
  const auto has = [&](const oracle::Party& party) {
    return oracle::matches_peer(narrowed_, read.policy_namespace, peer, party);
  };
  Blocks blocks{.peer = &peer, .starts = {}, .has_at = {}};
  for (const auto& [start, count] : cuts.starts()) {
    blocks.starts.push_back(start);
    blocks.has_at.push_back(
        {has({.pod = nullptr, .address = start}), has({.pod = &anyone, .address = start})});
  }
  blocks.has_without_address = has({.pod = &anyone, .address = {}}) ||
                               has({.pod = nullptr, .address = {}, .own_node = true});
  return blocks;
}

bool Reading::is_forensic(const Party& peer) const {
  return forensic_peer_ && peer.party.address && forensic_peer_->contains(*peer.party.address);
}

Reading::Class Reading::narrower(Direction direction, const Step& step) {
  auto& steps = steps_[static_cast<std::size_t>(direction)];
  return steps.try_emplace(step, static_cast<Class>(kFlagSets + steps.size())).first->second;
}

std::uint32_t Reading::port_key(ReadRule& read, std::uint32_t kind, const model::Pod& pod) {
  const auto [known, is_new] = read.port_key_of_kind.try_emplace(kind);
  if (is_new) {
    // 0: no pod.
    const auto next = static_cast<std::uint32_t>(read.port_keys.size() + 1);
    known->second = read.port_keys.try_emplace(named_ports(*read.rule, pod), next).first->second;
  }
  return known->second;
}

bool Reading::has(const ReadRule& read, const Parties& parties, const Party& peer) const {
  if (read.rule->peers.empty()) return true;
  if (peer.kind) {
    const Kinds::Kind& kind = parties.kinds()[*peer.kind];
    for (const auto& pods : read.pods) {
      const auto& spaces = written_.spaces_of(narrowed_, pods);
      if (!std::ranges::binary_search(spaces, kind.space)) continue;
      if (written_.has_labels(pods, kind.labels)) return true;
    }
  }
  const auto& address = peer.party.address;
  for (const Blocks& blocks : read.blocks) {
    if (!address) {
      if (has_written(read, *blocks.peer, peer)) return true;
      continue;
    }
    const auto at = std::ranges::upper_bound(blocks.starts, *address) - blocks.starts.begin() - 1;
    if (blocks.has_at[static_cast<std::size_t>(at)][peer.kind ? 1 : 0]) return true;
  }
  return std::ranges::any_of(
      read.others, [&](const model::Peer* written) { return has_written(read, *written, peer); });
}

Reading::Class Reading::class_of(Direction direction, const Parties& parties, PartyId id) {
  const Party& peer = parties[id];
  Class found = parties.flags()[id];
  if (is_forensic(peer)) found = narrower(direction, {found, kForensicRule, 0});
  std::uint32_t number = kForensicRule;
  for (ReadRule& read : rules_[static_cast<std::size_t>(direction)]) {
    ++number;
    const bool asks_ports = read.names_ports && peer.kind.has_value();
    if ((read.rule->peers.empty() && !asks_ports) || !has(read, parties, peer)) continue;
    const std::uint32_t key = asks_ports ? port_key(read, *peer.kind, *peer.party.pod) : 0;
    found = narrower(direction, {found, number, key});
  }
  return found;
}

// Goes from rule to rule, each to those whom it has: most peers are in none.
class Reading::Classifier {
 public:
  Classifier(Reading& reading, Direction direction, const Parties& parties, Classes& classes)
      : reading_(reading), direction_(direction), parties_(parties), classes_(classes) {
    classes_.of.assign(parties.flags().begin(), parties.flags().end());
    classes_.marks.resize(parties.size());
  }

  void classify() {
    if (reading_.forensic_peer_) visit_forensic();
    for (ReadRule& read : reading_.rules_[static_cast<std::size_t>(direction_)]) {
      begin_rule(++number_, &read);
      if (read.rule->peers.empty()) {
        if (read.names_ports) visit_every_pod();
        continue;
      }
      for (const auto& pods : read.pods) visit(pods);
      for (const Blocks& blocks : read.blocks) visit(blocks);
      for (const model::Peer* written : read.others) visit(*written);
    }
  }

 private:
  void begin_rule(std::uint32_t number, ReadRule* read) {
    number_ = number;
    read_ = read;
    last_ = {};
    if (++classes_.mark == 0) std::ranges::fill(classes_.marks, classes_.mark++);
  }

  // Once a rule, whichever of its peers have the party.
  void visit(PartyId id) {
    if (std::exchange(classes_.marks[id], classes_.mark) == classes_.mark) return;
    Step step{.from = classes_.of[id], .rule = number_};
    if (read_ != nullptr && read_->names_ports && parties_[id].kind) {
      step.port_key = reading_.port_key(*read_, *parties_[id].kind, *parties_[id].party.pod);
    }
    // Most come from one class.
    if (!last_to_ || step != last_) {
      last_ = step;
      last_to_ = reading_.narrower(direction_, step);
    }
    classes_.of[id] = *last_to_;
  }

  void visit_forensic() {
    begin_rule(kForensicRule, nullptr);
    for (PartyId id = 0; id < parties_.size(); ++id) {
      if (reading_.is_forensic(parties_[id])) visit(id);
    }
  }
  void visit_every_pod() {
    for (PartyId id = 0; id < parties_.size(); ++id) {
      if (parties_[id].kind) visit(id);
    }
  }
  void visit(const WrittenPeers::Peer& pods) {
    const Kinds& kinds = parties_.kinds();
    for (const auto space : reading_.written_.spaces_of(reading_.narrowed_, pods)) {
      for (const auto kind : kinds.in_space(space)) {
        if (!reading_.written_.has_labels(pods, kinds[kind].labels)) continue;
        for (const PartyId id : parties_.of_kind(kind)) visit(id);
      }
    }
  }
  void visit(const Blocks& blocks) {
    const auto& stretches = parties_.by_stretch();
    for (std::size_t i = 0; i < blocks.starts.size(); ++i) {
      const auto& has = blocks.has_at[i];
      if (!has[0] && !has[1]) continue;
      auto at = stretches.lower_bound(blocks.starts[i]);
      const auto end = i + 1 < blocks.starts.size() ? stretches.lower_bound(blocks.starts[i + 1])
                                                    : stretches.end();
      for (; at != end; ++at) {
        for (const PartyId id : at->second) {
          if (has[(parties_.flags()[id] & kIsPod) != 0 ? 1 : 0]) visit(id);
        }
      }
    }
    if (!blocks.has_without_address) return;
    for (PartyId id = 0; id < parties_.size(); ++id) {
      const bool has_address = !parties_.is_somebody(id) || parties_[id].party.address;
      if (has_address) continue;
      if (reading_.has_written(*read_, *blocks.peer, parties_[id])) visit(id);
    }
  }
  // One of them speaks for all with the same flags.
  void visit(const model::Peer& written) {
    std::array<std::optional<bool>, kFlagSets> has;
    const auto& flags = parties_.flags();
    for (PartyId id = 0; id < parties_.size(); ++id) {
      if (flags[id] == 0) continue;
      auto& answer = has[flags[id]];
      if (!answer) answer = reading_.has_written(*read_, written, parties_[id]);
      if (*answer) visit(id);
    }
  }

  Reading& reading_;
  Direction direction_;
  const Parties& parties_;
  Classes& classes_;
  std::uint32_t number_ = kForensicRule;
  ReadRule* read_ = nullptr;
  Step last_;
  std::optional<Class> last_to_;
};

bool Reading::has_written(const ReadRule& read, const model::Peer& written,
                          const Party& peer) const {
  return oracle::matches_peer(narrowed_, read.policy_namespace, written, peer.party);
}

void Reading::classify(Direction direction, const Parties& parties, Classes& classes) {
  Classifier(*this, direction, parties, classes).classify();
}

bool Reading::was_compared(Direction direction, PartyFlags subject, Class peer,
                           std::uint32_t rule_set, std::uint32_t stamp) const {
  const auto& compared = compared_[memo_of(direction, subject)];
  const auto found = compared.find(memo_key(peer, rule_set));
  return found != compared.end() && found->second == stamp;
}

void Reading::note_compared(Direction direction, PartyFlags subject, Class peer,
                            std::uint32_t rule_set, std::uint32_t stamp) {
  compared_[memo_of(direction, subject)][memo_key(peer, rule_set)] = stamp;
}

}  // namespace bulkhead::verify
