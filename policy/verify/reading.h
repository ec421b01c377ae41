// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "policy/model/cluster.h"
#include "policy/oracle/oracle.h"
#include "policy/verify/parties.h"
#include "policy/verify/written_peers.h"

namespace bulkhead::verify {

// The text as one kind of subject sees it, read with the oracle's own eyes: the policies that
// select the subject, and what those can tell about a peer. All other policies leave its answers
// alone. Borrows policies: good as long as none that selects the subject, its namespace, its kind,
// the nodes or the settings change.
class Reading {
 public:
  // Two peers of one class get equal answers from the oracle, whatever protocol and port: which
  // rules have the peer, what their named ports are on it, and what the implicit rules ask.
  using Class = std::uint32_t;

  // For classes of all peers at once; kept from one call to the next.
  struct Classes {
    std::vector<Class> of;  // by PartyId
    std::vector<std::uint32_t> marks;
    std::uint32_t mark = 0;
  };

  Reading(const model::Cluster& cluster, const model::Pod& subject, WrittenPeers& written);

  // What peers are asked about in, from now on: only other namespaces and pods than before.
  void turn_to(const model::Cluster& cluster);

  // The cluster with the subject's policies only, with no namespaces but the subject's and the
  // peer's, and without pods: the oracle answers about the two from it as from the whole. Valid
  // until the next call.
  [[nodiscard]] const model::Cluster& narrowed_to(const Party& peer);

  [[nodiscard]] Class class_of(Direction direction, const Parties& parties, PartyId peer);
  void classify(Direction direction, const Parties& parties, Classes& classes);
  // Classes are below.
  [[nodiscard]] std::size_t class_count(Direction direction) const {
    return kFlagSets + steps_[static_cast<std::size_t>(direction)].size();
  }

  // Whether a subject of these flags and a peer of this class were compared when the bytes behind
  // this rule set were those of the stamp, and did not differ.
  [[nodiscard]] bool was_compared(Direction direction, PartyFlags subject, Class peer,
                                  std::uint32_t rule_set, std::uint32_t stamp) const;
  void note_compared(Direction direction, PartyFlags subject, Class peer, std::uint32_t rule_set,
                     std::uint32_t stamp);

 private:
  // A written peer whose answer changes with the address only at these.
  struct Blocks {
    const model::Peer* peer = nullptr;
    std::vector<IpAddress> starts;            // ascending
    std::vector<std::array<bool, 2>> has_at;  // beside starts: who is no pod, a pod
    bool has_without_address = false;
  };
  struct ReadRule {
    std::string policy_namespace;
    const model::Rule* rule = nullptr;
    std::vector<WrittenPeers::Peer> pods;    // of its peers
    std::vector<Blocks> blocks;              // of its peers
    std::vector<const model::Peer*> others;  // of its peers: told by a party's flags
    bool names_ports = false;                // of the peer: an egress
    std::map<std::string, std::uint32_t> port_keys;
    std::unordered_map<std::uint32_t, std::uint32_t> port_key_of_kind;
  };
  // From one class to a narrower one: a rule has the peer too.
  struct Step {
    Class from = 0;
    std::uint32_t rule = 0;
    std::uint32_t port_key = 0;
    friend bool operator==(const Step&, const Step&) = default;
  };
  struct StepHash {
    std::size_t operator()(const Step& step) const;
  };
  class Classifier;

  void add_policies(const model::Cluster& cluster, const std::string& id_prefix);
  void read(Direction direction, WrittenPeers& written);
  void add_peer(ReadRule& read, const model::Peer& peer, WrittenPeers& written);
  [[nodiscard]] Blocks blocks_of(const ReadRule& read, const model::Peer& peer) const;
  [[nodiscard]] bool has(const ReadRule& read, const Parties& parties, const Party& peer) const;
  [[nodiscard]] bool has_written(const ReadRule& read, const model::Peer& written,
                                 const Party& peer) const;
  [[nodiscard]] bool is_forensic(const Party& peer) const;
  [[nodiscard]] std::uint32_t port_key(ReadRule& read, std::uint32_t kind, const model::Pod& pod);
  [[nodiscard]] Class narrower(Direction direction, const Step& step);

  const WrittenPeers& written_;
  std::string space_;        // the subject's namespace
  model::Cluster narrowed_;  // with all namespaces
  model::Cluster pair_;
  const model::Pod* subject_ = nullptr;         // only while it is read
  std::optional<Prefix> forensic_peer_;         // of a quarantined subject
  std::array<std::vector<ReadRule>, 2> rules_;  // by Direction
  std::array<std::unordered_map<Step, Class, StepHash>, 2> steps_;
  // By direction, and whether the subject is a cluster DNS: class and rule set -> stamp.
  std::array<std::unordered_map<std::uint64_t, std::uint32_t>, 4> compared_;
};

}  // namespace bulkhead::verify
