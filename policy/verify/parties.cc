// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/parties.h"

#include <algorithm>
#include <optional>
#include <tuple>

namespace bulkhead::verify {
namespace {

// The address behind the last one of the prefix; nothing at the end of the family's space.
std::optional<IpAddress> next_after(const Prefix& prefix) {
  IpAddress next = prefix.address();
  for (unsigned bit = prefix.length(); bit > 0; --bit) {
    const unsigned mask = 0x80u >> ((bit - 1) % 8);
    auto& byte = next.bytes[(bit - 1) / 8];
    byte = static_cast<std::uint8_t>(byte ^ mask);
    if ((byte & mask) != 0) return next;  // no carry
  }
  return std::nullopt;
}

IpAddress plus_one(const IpAddress& address) {
  return next_after(Prefix::host(address)).value_or(address);
}

void append(std::string& text, std::string_view part) {
  text += std::to_string(part.size()) + ":";
  text += part;
}

// All that Kubernetes lets a policy ask of a pod, apart from its address.
std::string kind_of(const model::Cluster& cluster, const model::Pod& pod) {
  std::string text;
  append(text, pod.key.namespace_name);
  const auto ns = cluster.namespaces.find(pod.key.namespace_name);
  if (ns != cluster.namespaces.end()) {
    for (const auto& [key, value] : ns->second->labels) append(text, key), append(text, value);
  }
  text += '/';
  for (const auto& [key, value] : pod.labels) append(text, key), append(text, value);
  append(text, pod.service_account);
  for (const auto& port : pod.ports) {
    append(text, port.name);
    text += fmt::format("{}.{}", port.protocol, port.port);
  }
  if (pod.quarantine) append(text, "quarantined " + pod.key.text());
  return text;
}

bool is_local(const compile::LocalPods& local, const model::Pod& pod) {
  return !local || local->contains(pod.key);
}

class Finder {
 public:
  Finder(const model::Cluster& cluster, const compile::LocalPods& local,
         const compile::CompiledTable& compiled, const table::TableView& table)
      : cluster_(cluster), local_(local), compiled_(compiled), table_(table), cuts_(cluster) {}

  Result<Parties> find() {
    for (const auto& [key, pod] : cluster_.pods) {
      if (!pod->is_live()) continue;
      for (const IpAddress& address : pod->ips) owners_[address].push_back(pod.get());
    }
    if (auto ok = check_addresses(); !ok) return tl::unexpected(ok.error());
    for (const auto& [key, pod] : cluster_.pods) {
      if (!pod->is_live()) continue;
      if (auto ok = add_pod(*pod); !ok) return tl::unexpected(ok.error());
    }
    for (const IpAddress& start : cuts_.starts()) add_outside(start);
    parties_.peers.push_back({.party = {.pod = nullptr, .address = {}, .own_node = true},
                              .identity = kOwnNodeIdentity,
                              .other_pod = nullptr,
                              .other_address = {}});
    return std::move(parties_);
  }

 private:
  Status check_addresses() {
    for (const auto& entry : compiled_.addresses) {
      if (!owners_.contains(entry.address)) {
        return fail("the compile names address {}, which no live pod has", entry.address.text());
      }
      if (!identity_of_.emplace(entry.address, entry.identity).second) {
        return fail("the compile names address {} twice", entry.address.text());
      }
    }
    for (const auto& [address, pods] : owners_) {
      if (!identity_of_.contains(address)) {
        return fail("the compile does not name {} of pod {}", address.text(),
                    pods.front()->key.text());
      }
    }
    return {};
  }

  Status add_pod(const model::Pod& pod) {
    const std::string kind = kind_of(cluster_, pod);
    if (pod.ips.empty()) {
      const auto found = compiled_.pods.find(pod.key);
      if (found == compiled_.pods.end()) {
        return fail("the compile gives pod {} no identity", pod.key.text());
      }
      add(pod, kind, std::nullopt, found->second);
    }
    for (const IpAddress& address : pod.ips) {
      const IdentityId identity = identity_of_.at(address);
      if (identity == kUnknownIdentity) {
        if (owners_.at(address).size() < 2) {
          return fail("the compile makes {} of pod {} unknown", address.text(), pod.key.text());
        }
        parties_.peers.push_back({.party = {.pod = nullptr, .address = address},
                                  .identity = identity,
                                  .other_pod = nullptr,
                                  .other_address = {},
                                  .must_be_unknown = true});
        continue;
      }
      add(pod, kind, address, identity);
    }
    return {};
  }

  void add(const model::Pod& pod, const std::string& kind, const std::optional<IpAddress>& address,
           IdentityId identity) {
    const std::size_t stretch = address ? cuts_.stretch_of(*address) : ~std::size_t{0};
    const Party party{.party = {.pod = &pod, .address = address},
                      .identity = identity,
                      .other_pod = nullptr,
                      .other_address = {}};
    const auto [found, is_new] =
        peer_at_.try_emplace({kind, stretch, identity.value}, parties_.peers.size());
    if (is_new) {
      parties_.peers.push_back(party);
    } else if (Party& first = parties_.peers[found->second]; first.other_pod == nullptr) {
      if (first.party.pod != &pod) {
        first.other_pod = &pod;
        first.other_address = address;
      }
    }
    if (is_local(local_, pod) &&
        subject_seen_.try_emplace({kind, stretch, identity.value}).second) {
      parties_.subjects.push_back(party);
    }
  }

  // The first address of the stretch that no pod has stands for all of them.
  void add_outside(const IpAddress& start) {
    IpAddress address = start;
    const std::size_t stretch = cuts_.stretch_of(start);
    while (owners_.contains(address)) {
      const IpAddress next = plus_one(address);
      if (next == address || cuts_.stretch_of(next) != stretch) return;
      address = next;
    }
    const auto& cidrs = cluster_.settings.pod_cidrs;
    const bool is_in_cluster =
        std::ranges::any_of(cidrs, [&](const Prefix& prefix) { return prefix.contains(address); });
    parties_.peers.push_back({.party = {.pod = nullptr, .address = address},
                              .identity = table_.outside_identity(address),
                              .other_pod = nullptr,
                              .other_address = {},
                              .must_be_unknown = is_in_cluster});
  }

  const model::Cluster& cluster_;
  const compile::LocalPods& local_;
  const compile::CompiledTable& compiled_;
  const table::TableView& table_;
  AddressCuts cuts_;
  Parties parties_;
  std::map<IpAddress, std::vector<const model::Pod*>> owners_;
  std::map<IpAddress, IdentityId> identity_of_;
  std::map<std::tuple<std::string, std::size_t, std::uint32_t>, std::size_t> peer_at_;
  std::map<std::tuple<std::string, std::size_t, std::uint32_t>, bool> subject_seen_;
};

}  // namespace

AddressCuts::AddressCuts(const model::Cluster& cluster) {
  starts_.push_back(IpAddress{{}, Family::V4});
  starts_.push_back(IpAddress{{}, Family::V6});
  for (const auto& [id, policy] : cluster.policies) {
    for (const auto& rules : policy->rules) {
      for (const auto& rule : rules) {
        for (const auto& peer : rule.peers) {
          const auto* cidr = std::get_if<model::CidrPeer>(&peer);
          if (cidr == nullptr) continue;
          add(cidr->prefix);
          for (const Prefix& except : cidr->except) add(except);
        }
      }
    }
  }
  for (const Prefix& prefix : cluster.settings.pod_cidrs) add(prefix);
  for (const IpAddress& address : cluster.settings.dns_addresses) add(Prefix::host(address));
  for (const auto& [key, pod] : cluster.pods) {
    if (pod->quarantine && pod->quarantine->forensic_peer) add(*pod->quarantine->forensic_peer);
  }
  std::ranges::sort(starts_);
  starts_.erase(std::ranges::unique(starts_).begin(), starts_.end());
}

void AddressCuts::add(const Prefix& prefix) {
  starts_.push_back(prefix.address());
  if (const auto next = next_after(prefix)) starts_.push_back(*next);
}

std::size_t AddressCuts::stretch_of(const IpAddress& address) const {
  // Never the beginning: each family's lowest address is a start.
  return static_cast<std::size_t>(std::ranges::upper_bound(starts_, address) - starts_.begin()) - 1;
}

std::string Party::text() const {
  if (party.own_node) return "the own node";
  const std::string address = party.address ? party.address->text() : "no address";
  if (party.pod == nullptr) return fmt::format("{} (identity {})", address, identity.value);
  return fmt::format("{} ({}, identity {})", party.pod->key.text(), address, identity.value);
}

Result<Parties> find_parties(const model::Cluster& cluster, const compile::LocalPods& local,
                             const compile::CompiledTable& compiled,
                             const table::TableView& table) {
  return Finder(cluster, local, compiled, table).find();
}

}  // namespace bulkhead::verify
