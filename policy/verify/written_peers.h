// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "policy/model/cluster.h"
#include "policy/verify/kinds.h"

namespace bulkhead::verify {

// The oracle's answers about the pods that a written peer means, which are a function of the text:
// its namespaces and its labels are asked about one by one, and each but once, whatever the version
// of the cluster. Holds nothing that the oracle did not say. Thread: one.
class WrittenPeers {
 public:
  // Namespaces that a peer means.
  struct Spaces {
    std::string policy_namespace;    // of whoever wrote it first
    std::optional<std::string> own;  // the only one it can mean, if that goes by the policy's
    model::PodPeer peer;             // any pod of them
    std::vector<std::uint32_t> yes;  // by Kinds, ascending
    std::uint32_t asked = 0;         // all below; of `own` only that one
  };
  struct Labels {
    std::optional<model::LabelSelector> pods;
    enum class Known : std::uint8_t { NotYet, No, Yes };
    std::vector<Known> known;  // by Kinds
  };
  // Both shared by all who write the same.
  struct Peer {
    std::shared_ptr<Spaces> spaces;
    std::shared_ptr<Labels> labels;
  };

  // Borrowed.
  explicit WrittenPeers(const Kinds& kinds) : kinds_(kinds) {}

  [[nodiscard]] Peer of(const std::string& policy_namespace, const model::PodPeer& peer);
  // Those that the peer means. `cluster`: the version at hand.
  [[nodiscard]] const std::vector<std::uint32_t>& spaces_of(const model::Cluster& cluster,
                                                            const Peer& peer) const;
  [[nodiscard]] bool has_labels(const Peer& peer, std::uint32_t labels) const;
  // Of a namespace whose object is another one now.
  void ask_again(const model::Cluster& cluster, const std::string& space);

  [[nodiscard]] std::size_t size() const { return spaces_.size() + labels_.size(); }

 private:
  [[nodiscard]] bool ask(const model::Cluster& cluster, const Spaces& spaces,
                         std::uint32_t space) const;
  void ask_on(const model::Cluster& cluster, Spaces& spaces) const;
  [[nodiscard]] const model::Namespace* object_of(const model::Cluster& cluster,
                                                  std::uint32_t space) const;

  const Kinds& kinds_;
  // By Kinds, of the version at hand: a written selector is asked about thousands of them.
  mutable std::vector<model::NamespacePtr> objects_;
  std::unordered_map<std::string, std::shared_ptr<Spaces>> spaces_;
  std::unordered_map<std::string, std::shared_ptr<Labels>> labels_;
};

}  // namespace bulkhead::verify
