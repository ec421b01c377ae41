// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/parties.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <unordered_map>

#include "policy/verify/cuts.h"
#include "policy/verify/table_cuts.h"

namespace bulkhead::verify {
namespace {

void append(std::string& text, std::string_view part) {
  text += std::to_string(part.size()) + ":";
  text += part;
}

void write_labels(std::string& text, const model::Pod& pod) {
  text.clear();
  for (const auto& [key, value] : pod.labels) append(text, key), append(text, value);
  text += '/';
  append(text, pod.service_account);
}

// With the labels all that Kubernetes lets a policy ask of a pod, apart from its address and its
// namespace.
void append_kind(std::string& text, const model::Pod& pod) {
  for (const auto& port : pod.ports) {
    append(text, port.name);
    text += std::to_string(port.protocol) + '.' + std::to_string(port.port) + ';';
  }
  if (pod.quarantine) append(text, "quarantined " + pod.key.text());
}

// Who stands for whom: kind, stretch and identity.
struct Likeness {
  std::uint32_t kind = 0;
  std::uint32_t stretch = 0;
  std::uint32_t identity = 0;
  friend bool operator==(const Likeness&, const Likeness&) = default;
};
struct LikenessHash {
  std::size_t operator()(const Likeness& key) const {
    // Multipliers of splitmix64, as in sweep.cc.
    const std::uint64_t pair = std::uint64_t{key.kind} << 32 | key.identity;
    return (pair * 0x9e3779b97f4a7c15u) ^ (key.stretch * 0xbf58476d1ce4e5b9u);
  }
};

class Finder {
 public:
  Finder(const model::Cluster& cluster, const compile::LocalPods& local,
         const compile::CompiledTable& compiled, const table::TableView& table)
      : cluster_(cluster), local_(local), compiled_(compiled), table_(table), cuts_(cluster) {
    parties_.cuts = cuts_.starts();
  }

  Result<Parties> find() {
    list_pods();
    if (auto ok = add_addresses(); !ok) return tl::unexpected(ok.error());
    if (auto ok = add_pods_without_address(); !ok) return tl::unexpected(ok.error());
    for (const IpAddress& start : cuts_.starts()) add_outside(start);
    // A wrong island between two bounds of the text has its bounds in the table.
    for (const Family family : {Family::V4, Family::V6}) {
      for (const IpAddress& start : outside_cuts(table_, family)) add_outside(start);
    }
    (void)add_peer(
        {.party = {.pod = nullptr, .address = {}, .own_node = true}, .identity = kOwnNodeIdentity},
        no_stretch());
    return std::move(parties_);
  }

 private:
  struct LivePod {
    const model::Pod* pod = nullptr;
    std::uint32_t kind = 0;
    std::uint32_t space = 0;
    std::uint32_t labels = 0;
    bool is_local = false;
  };
  struct Claim {
    IpAddress address;
    std::uint32_t pod = 0;  // of pods_
  };

  [[nodiscard]] std::size_t no_stretch() const { return cuts_.starts().size(); }

  void list_pods() {
    std::unordered_map<std::string, std::uint32_t> label_sets;
    std::unordered_map<std::string, std::uint32_t> kinds;  // of one namespace
    std::uint32_t kind_count = 0;
    const std::string* space = nullptr;
    std::string text;
    for (const auto& [key, pod] : cluster_.pods) {
      if (!pod->is_live()) continue;
      if (space == nullptr || *space != key.namespace_name) {
        space = &key.namespace_name;
        kinds.clear();
        const auto declared = cluster_.namespaces.find(*space);
        parties_.spaces.push_back(declared != cluster_.namespaces.end() ? declared->second.get()
                                                                        : nullptr);
      }
      write_labels(text, *pod);
      const auto labels =
          label_sets.try_emplace(text, static_cast<std::uint32_t>(label_sets.size())).first->second;
      append_kind(text, *pod);
      const auto [found, is_new] = kinds.try_emplace(text, kind_count);
      if (is_new) ++kind_count;
      const bool is_local = !local_ || local_->contains(key);
      for (const IpAddress& address : pod->ips) {
        claims_.push_back({address, static_cast<std::uint32_t>(pods_.size())});
      }
      pods_.push_back({.pod = pod.get(),
                       .kind = found->second,
                       .space = static_cast<std::uint32_t>(parties_.spaces.size() - 1),
                       .labels = labels,
                       .is_local = is_local});
      parties_.pods.push_back(pod.get());
    }
    parties_.label_sets = label_sets.size();
    parties_.peers_of_pod.resize(pods_.size());
    const auto order = [](const Claim& a, const Claim& b) {
      return std::tie(a.address, a.pod) < std::tie(b.address, b.pod);
    };
    std::ranges::sort(claims_, order);
  }

  // Walks the compile's addresses, the claims and the stretches side by side, all ascending.
  Status add_addresses() {
    const auto& given = compiled_.addresses;
    auto at = given.begin();
    std::size_t stretch = 0;
    for (std::size_t i = 0; i < claims_.size();) {
      const IpAddress& address = claims_[i].address;
      if (at == given.end() || at->first > address) {
        return fail("the compile does not name {} of pod {}", address.text(),
                    pods_[claims_[i].pod].pod->key.text());
      }
      if (at->first < address) return surplus(at->first);
      while (stretch + 1 < cuts_.starts().size() && cuts_.starts()[stretch + 1] <= address) {
        ++stretch;
      }
      std::size_t end = i;
      while (end < claims_.size() && claims_[end].address == address) ++end;
      if (auto ok = add_owned(i, end, at->second.identity, stretch); !ok) return ok;
      i = end;
      ++at;
    }
    return at == given.end() ? Status{} : surplus(at->first);
  }

  [[nodiscard]] static Status surplus(const IpAddress& address) {
    return fail("the compile names address {}, which no live pod has", address.text());
  }

  // The claims [first, end) of one address.
  Status add_owned(std::size_t first, std::size_t end, IdentityId identity, std::size_t stretch) {
    const IpAddress& address = claims_[first].address;
    if (identity != kUnknownIdentity) {
      for (std::size_t i = first; i < end; ++i) add(claims_[i].pod, address, identity, stretch);
      return {};
    }
    if (end - first < 2) {
      return fail("the compile makes {} of pod {} unknown", address.text(),
                  pods_[claims_[first].pod].pod->key.text());
    }
    const std::uint32_t peer = add_peer({.party = {.pod = nullptr, .address = address},
                                         .identity = identity,
                                         .must_be_unknown = true},
                                        no_stretch());
    parties_.owners.push_back({address, peer});
    return {};
  }

  Status add_pods_without_address() {
    for (std::uint32_t i = 0; i < pods_.size(); ++i) {
      if (!pods_[i].pod->ips.empty()) continue;
      const auto found = compiled_.pods.find(pods_[i].pod->key);
      if (found == compiled_.pods.end()) {
        return fail("the compile gives pod {} no identity", pods_[i].pod->key.text());
      }
      add(i, std::nullopt, found->second, no_stretch());
    }
    return {};
  }

  std::uint32_t add_peer(Party party, std::size_t stretch) {
    parties_.peers.push_back(std::move(party));
    parties_.stretch_of_peer.push_back(stretch);
    return static_cast<std::uint32_t>(parties_.peers.size() - 1);
  }

  void add(std::uint32_t index, const std::optional<IpAddress>& address, IdentityId identity,
           std::size_t stretch) {
    const LivePod& live = pods_[index];
    const Likeness likeness{live.kind, static_cast<std::uint32_t>(stretch), identity.value};
    const Party party{.party = {.pod = live.pod, .address = address},
                      .identity = identity,
                      .space = live.space,
                      .labels = live.labels};
    const auto [place, is_new] =
        peer_at_.try_emplace(likeness, static_cast<std::uint32_t>(parties_.peers.size()));
    if (is_new) {
      (void)add_peer(party, stretch);
    } else {
      Party& first = parties_.peers[place->second];
      if (first.other_pod == nullptr && first.party.pod != live.pod) {
        first.other_pod = live.pod;
        first.other_address = address;
      }
    }
    parties_.peers_of_pod[index].push_back(place->second);
    if (address) parties_.owners.push_back({*address, place->second});
    if (!live.is_local) return;
    const auto [subject, is_new_subject] =
        subject_at_.try_emplace(likeness, static_cast<std::uint32_t>(parties_.subjects.size()));
    if (is_new_subject) parties_.subjects.push_back({.party = party, .pods = {}});
    parties_.subjects[subject->second].pods.push_back(index);
  }

  [[nodiscard]] bool is_owned(const IpAddress& address) const {
    return std::ranges::binary_search(claims_, address, {}, &Claim::address);
  }

  // The first address of the stretch that no pod has stands for all of them.
  void add_outside(const IpAddress& start) {
    IpAddress address = start;
    const std::size_t stretch = cuts_.stretch_of(start);
    while (is_owned(address)) {
      const auto next = next_after(Prefix::host(address));
      if (!next || cuts_.stretch_of(*next) != stretch) return;
      address = *next;
    }
    (void)add_peer(outside_party(cluster_, table_, address), stretch);
  }

  const model::Cluster& cluster_;
  const compile::LocalPods& local_;
  const compile::CompiledTable& compiled_;
  const table::TableView& table_;
  AddressCuts cuts_;
  Parties parties_;
  std::vector<LivePod> pods_;
  std::vector<Claim> claims_;  // sorted by address
  std::unordered_map<Likeness, std::uint32_t, LikenessHash> peer_at_;
  std::unordered_map<Likeness, std::uint32_t, LikenessHash> subject_at_;
};

}  // namespace

std::string Party::text() const {
  if (party.own_node) return "the own node";
  const std::string address = party.address ? party.address->text() : "no address";
  if (party.pod == nullptr) return fmt::format("{} (identity {})", address, identity.value);
  return fmt::format("{} ({}, identity {})", party.pod->key.text(), address, identity.value);
}

std::optional<std::uint32_t> Parties::pod_index(const model::PodKey& key) const {
  const auto found = std::ranges::lower_bound(pods, key, {}, &model::Pod::key);
  if (found == pods.end() || (*found)->key != key) return std::nullopt;
  return static_cast<std::uint32_t>(found - pods.begin());
}

Result<Parties> find_parties(const model::Cluster& cluster, const compile::LocalPods& local,
                             const compile::CompiledTable& compiled,
                             const table::TableView& table) {
  return Finder(cluster, local, compiled, table).find();
}

Party outside_party(const model::Cluster& cluster, const table::TableView& table,
                    const IpAddress& address) {
  const auto& cidrs = cluster.settings.pod_cidrs;
  const bool is_in_cluster =
      std::ranges::any_of(cidrs, [&](const Prefix& prefix) { return prefix.contains(address); });
  return {.party = {.pod = nullptr, .address = address},
          .identity = table.outside_identity(address),
          .must_be_unknown = is_in_cluster};
}

Touched touched_by(const Scope& scope, const model::Cluster& cluster, const table::TableView& table,
                   const Parties& parties) {
  Touched touched;
  touched.subjects.resize(parties.subjects.size(), scope.is_everything);
  std::set<std::uint32_t> peers;
  if (scope.is_everything) {
    for (std::uint32_t i = 0; i < parties.peers.size(); ++i) touched.peers.push_back(i);
    return touched;
  }
  std::vector<bool> is_subject(parties.pods.size());
  for (const auto& key : scope.subjects) {
    if (const auto pod = parties.pod_index(key)) is_subject[*pod] = true;
  }
  for (std::size_t i = 0; i < parties.subjects.size(); ++i) {
    const auto& pods = parties.subjects[i].pods;
    touched.subjects[i] =
        std::ranges::any_of(pods, [&](std::uint32_t pod) { return is_subject[pod]; });
  }
  for (const auto& key : scope.peers) {
    const auto pod = parties.pod_index(key);
    if (pod) peers.insert(parties.peers_of_pod[*pod].begin(), parties.peers_of_pod[*pod].end());
  }
  for (const IpAddress& address : scope.addresses) {
    const auto owners =
        std::ranges::equal_range(parties.owners, address, {}, &Parties::Owner::address);
    for (const auto& owner : owners) peers.insert(owner.peer);
    if (owners.empty()) touched.more_peers.push_back(outside_party(cluster, table, address));
  }
  if (!scope.stretches.empty()) {
    std::vector<bool> is_moved(parties.cuts.size() + 1);
    for (std::size_t i = 0; i < parties.cuts.size(); ++i) {
      is_moved[i] = scope.stretches.contains(parties.cuts[i]);
    }
    for (std::uint32_t i = 0; i < parties.peers.size(); ++i) {
      if (is_moved[parties.stretch_of_peer[i]]) peers.insert(i);
    }
  }
  touched.peers.assign(peers.begin(), peers.end());
  return touched;
}

}  // namespace bulkhead::verify
