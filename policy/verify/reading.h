// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "policy/model/cluster.h"
#include "policy/oracle/oracle.h"
#include "policy/verify/parties.h"

namespace bulkhead::verify {

// The text as one subject sees it, read with the oracle's own eyes: the policies that select the
// subject, and what those can tell about a peer. All other policies leave its answers alone.
class Reading {
 public:
  // Both are borrowed.
  Reading(const model::Cluster& cluster, const Parties& parties);

  // Reads for this subject from now on. `peers`: about how many signatures will be asked for.
  void turn_to(const model::Pod& subject, std::size_t peers);

  // The cluster with the subject's policies only (and without pods): the oracle answers about the
  // subject from it as from the whole.
  [[nodiscard]] const model::Cluster& narrowed() const { return narrowed_; }

  // Two peers of equal signature get equal answers from the oracle, whatever protocol and port:
  // which rules have the peer, what their named ports are on it, and what the implicit rules ask.
  void write_signature(std::string& text, Direction direction, const Party& peer);

 private:
  enum class Known : std::uint8_t { NotYet, No, Yes };
  // What the oracle said about the namespaces and the label sets of a written peer: each is asked
  // about once, by one of the pods that have it.
  struct Remembered {
    const model::PodPeer* peer = nullptr;
    std::vector<Known> spaces;
    std::vector<Known> labels;
  };
  struct ReadRule {
    const model::Policy* policy = nullptr;
    const model::Rule* rule = nullptr;
    std::vector<Remembered> pods;            // of its peers, where remembering pays
    std::vector<const model::Peer*> others;  // of its peers
    bool names_ports = false;
  };

  void add_policies(const std::string& id_prefix);
  void read(Direction direction, const bool remembers);
  [[nodiscard]] bool has(ReadRule& read, const Party& peer, const model::Pod* pod);
  [[nodiscard]] bool has(Remembered& remembered, const model::Policy& policy, const Party& peer,
                         const model::Pod& pod);

  const model::Cluster& cluster_;
  const Parties& parties_;
  model::Cluster narrowed_;
  const model::Pod* subject_ = nullptr;
  std::array<std::vector<ReadRule>, 2> rules_;  // by Direction
};

}  // namespace bulkhead::verify
