// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/parties.h"

#include <algorithm>
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

// All that Kubernetes lets a policy ask of a pod, apart from its address and its namespace.
void write_kind(std::string& text, const model::Pod& pod) {
  text.clear();
  for (const auto& [key, value] : pod.labels) append(text, key), append(text, value);
  text += '/';
  append(text, pod.service_account);
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

constexpr std::uint32_t kNoStretch = ~std::uint32_t{0};

class Finder {
 public:
  Finder(const model::Cluster& cluster, const compile::LocalPods& local,
         const compile::CompiledTable& compiled, const table::TableView& table, const Scope& scope)
      : cluster_(cluster),
        local_(local),
        compiled_(compiled),
        table_(table),
        scope_(scope),
        cuts_(cluster) {}

  Result<Parties> find() {
    list_pods();
    if (auto ok = add_addresses(); !ok) return tl::unexpected(ok.error());
    if (auto ok = add_pods_without_address(); !ok) return tl::unexpected(ok.error());
    for (const IpAddress& start : cuts_.starts()) add_outside(start);
    // A wrong island between two bounds of the text has its bounds in the table.
    for (const Family family : {Family::V4, Family::V6}) {
      for (const IpAddress& start : outside_cuts(table_, family)) add_outside(start);
    }
    for (const IpAddress& address : scope_.addresses) {
      if (!is_owned(address)) add_outside_address(address);
    }
    parties_.peers.push_back({.party = {.pod = nullptr, .address = {}, .own_node = true},
                              .identity = kOwnNodeIdentity,
                              .is_touched = scope_.is_everything});
    return std::move(parties_);
  }

 private:
  struct LivePod {
    const model::Pod* pod = nullptr;
    std::uint32_t kind = 0;
    bool is_local = false;
  };
  struct Owner {
    IpAddress address;
    std::uint32_t pod = 0;  // of pods_
  };

  void list_pods() {
    std::unordered_map<std::string, std::uint32_t> kinds;  // of one namespace
    std::uint32_t kind_count = 0;
    const std::string* space = nullptr;
    std::string text;
    for (const auto& [key, pod] : cluster_.pods) {
      if (!pod->is_live()) continue;
      if (space == nullptr || *space != key.namespace_name) {
        space = &key.namespace_name;
        kinds.clear();
      }
      write_kind(text, *pod);
      const auto [found, is_new] = kinds.try_emplace(text, kind_count);
      if (is_new) ++kind_count;
      const bool is_local = !local_ || local_->contains(key);
      for (const IpAddress& address : pod->ips) {
        owners_.push_back({address, static_cast<std::uint32_t>(pods_.size())});
      }
      pods_.push_back({pod.get(), found->second, is_local});
    }
    const auto order = [](const Owner& a, const Owner& b) {
      return std::tie(a.address, a.pod) < std::tie(b.address, b.pod);
    };
    std::ranges::sort(owners_, order);
  }

  // Walks the compile's addresses, the owners and the stretches side by side, all ascending.
  Status add_addresses() {
    const auto& given = compiled_.addresses;
    std::size_t at = 0;
    std::size_t stretch = 0;
    for (std::size_t i = 0; i < owners_.size();) {
      const IpAddress& address = owners_[i].address;
      if (at == given.size() || given[at].address > address) {
        return fail("the compile does not name {} of pod {}", address.text(),
                    pods_[owners_[i].pod].pod->key.text());
      }
      if (given[at].address < address) return surplus(at);
      while (stretch + 1 < cuts_.starts().size() && cuts_.starts()[stretch + 1] <= address) {
        ++stretch;
      }
      std::size_t end = i;
      while (end < owners_.size() && owners_[end].address == address) ++end;
      if (auto ok = add_owned(i, end, given[at].identity, static_cast<std::uint32_t>(stretch));
          !ok) {
        return ok;
      }
      i = end;
      ++at;
    }
    return at == given.size() ? Status{} : surplus(at);
  }

  [[nodiscard]] Status surplus(std::size_t at) const {
    const IpAddress& address = compiled_.addresses[at].address;
    if (at > 0 && compiled_.addresses[at - 1].address >= address) {
      return fail("the compile names address {} twice or out of order", address.text());
    }
    return fail("the compile names address {}, which no live pod has", address.text());
  }

  // The owners [first, end) of one address.
  Status add_owned(std::size_t first, std::size_t end, IdentityId identity, std::uint32_t stretch) {
    const IpAddress& address = owners_[first].address;
    if (identity != kUnknownIdentity) {
      for (std::size_t i = first; i < end; ++i)
        add(pods_[owners_[i].pod], address, identity, stretch);
      return {};
    }
    if (end - first < 2) {
      return fail("the compile makes {} of pod {} unknown", address.text(),
                  pods_[owners_[first].pod].pod->key.text());
    }
    parties_.peers.push_back({.party = {.pod = nullptr, .address = address},
                              .identity = identity,
                              .must_be_unknown = true,
                              .is_touched = scope_.has_peer(nullptr, address, {})});
    return {};
  }

  Status add_pods_without_address() {
    for (const LivePod& live : pods_) {
      if (!live.pod->ips.empty()) continue;
      const auto found = compiled_.pods.find(live.pod->key);
      if (found == compiled_.pods.end()) {
        return fail("the compile gives pod {} no identity", live.pod->key.text());
      }
      add(live, std::nullopt, found->second, kNoStretch);
    }
    return {};
  }

  void add(const LivePod& live, const std::optional<IpAddress>& address, IdentityId identity,
           std::uint32_t stretch) {
    const auto start =
        stretch == kNoStretch ? std::nullopt : std::optional<IpAddress>(cuts_.starts()[stretch]);
    const Likeness likeness{live.kind, stretch, identity.value};
    const bool is_touched = scope_.has_peer(live.pod, address, start);
    const auto [place, is_new] =
        peer_at_.try_emplace(likeness, static_cast<std::uint32_t>(parties_.peers.size()));
    if (is_new) {
      parties_.peers.push_back({.party = {.pod = live.pod, .address = address},
                                .identity = identity,
                                .is_touched = is_touched});
    } else {
      Party& first = parties_.peers[place->second];
      first.is_touched = first.is_touched || is_touched;
      if (first.other_pod == nullptr && first.party.pod != live.pod) {
        first.other_pod = live.pod;
        first.other_address = address;
      }
    }
    if (live.is_local) add_subject(live, address, identity, likeness);
  }

  void add_subject(const LivePod& live, const std::optional<IpAddress>& address,
                   IdentityId identity, const Likeness& likeness) {
    const bool is_touched = scope_.has_subject(live.pod->key);
    const auto [place, is_new] =
        subject_at_.try_emplace(likeness, static_cast<std::uint32_t>(parties_.subjects.size()));
    if (is_new) {
      parties_.subjects.push_back({.party = {.pod = live.pod, .address = address},
                                   .identity = identity,
                                   .is_touched = is_touched});
    } else {
      Party& first = parties_.subjects[place->second];
      first.is_touched = first.is_touched || is_touched;
    }
  }

  [[nodiscard]] bool is_owned(const IpAddress& address) const {
    return std::ranges::binary_search(owners_, address, {}, &Owner::address);
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
    add_outside_address(address);
  }

  void add_outside_address(const IpAddress& address) {
    const auto& cidrs = cluster_.settings.pod_cidrs;
    const bool is_in_cluster =
        std::ranges::any_of(cidrs, [&](const Prefix& prefix) { return prefix.contains(address); });
    const IpAddress& start = cuts_.starts()[cuts_.stretch_of(address)];
    parties_.peers.push_back({.party = {.pod = nullptr, .address = address},
                              .identity = table_.outside_identity(address),
                              .must_be_unknown = is_in_cluster,
                              .is_touched = scope_.has_peer(nullptr, address, start)});
  }

  const model::Cluster& cluster_;
  const compile::LocalPods& local_;
  const compile::CompiledTable& compiled_;
  const table::TableView& table_;
  const Scope& scope_;
  AddressCuts cuts_;
  Parties parties_;
  std::vector<LivePod> pods_;
  std::vector<Owner> owners_;  // sorted by address
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

Result<Parties> find_parties(const model::Cluster& cluster, const compile::LocalPods& local,
                             const compile::CompiledTable& compiled, const table::TableView& table,
                             const Scope& scope) {
  return Finder(cluster, local, compiled, table, scope).find();
}

}  // namespace bulkhead::verify
