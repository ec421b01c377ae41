// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/resolve.h"

#include <algorithm>

#include "policy/compile/label_index.h"
#include "policy/compile/node_peers.h"
#include "policy/compile/selectors.h"
#include "policy/compile/sorted.h"

namespace bulkhead::compile {
namespace {

// Below this many namespaces their groups are walked; beyond, the label index is asked.
constexpr std::size_t kWalkedSpaces = 32;
// As many sets that nobody asked for are kept: an edit that is taken back finds them.
constexpr std::size_t kMaxUnused = 1024;

}  // namespace

template <class Make>
std::uint32_t Resolver::remembered(const std::string& text, const Make& make, Holds holds) {
  const auto known = numbers_.find(text);
  if (known != numbers_.end()) return known->second;
  auto number = static_cast<std::uint32_t>(sets_.size());
  if (free_.empty()) {
    sets_.emplace_back();
    holds_.emplace_back();
    texts_.emplace_back();
  } else {
    number = free_.back();
    free_.pop_back();
  }
  numbers_.emplace(text, number);
  sets_[number] = members_ > kMaxMembers ? Numbers{} : make();
  holds_[number] = std::move(holds);
  texts_[number] = text;
  members_ += sets_[number].size();
  return number;
}

Status Resolver::check_limit() const {
  if (members_ <= kMaxMembers) return {};
  return fail("the peers of the policies name more than the limit of {} identities in sum",
              kMaxMembers);
}

void Resolver::follow(const Identities::Change& change) {
  for (std::uint32_t number = 0; number < sets_.size(); ++number) {
    if (!holds_[number]) continue;
    auto& set = sets_[number];
    members_ -= set.size();
    for (const std::uint32_t id : change.gone) erase_sorted(set, id);
    for (const std::uint32_t id : change.come) {
      if (holds_[number](identities_.all()[id])) insert_sorted(set, id);
    }
    members_ += set.size();
  }
}

void Resolver::forget_unused(const std::vector<bool>& is_used) {
  const auto is_idle = [&](std::uint32_t number) {
    return holds_[number] && !(number < is_used.size() && is_used[number]);
  };
  std::size_t idle = 0;
  for (std::uint32_t number = 0; number < sets_.size(); ++number) idle += is_idle(number) ? 1 : 0;
  if (idle <= kMaxUnused) return;
  written_.clear();
  for (std::uint32_t number = 0; number < sets_.size(); ++number) {
    if (!is_idle(number)) continue;
    numbers_.erase(texts_[number]);
    members_ -= sets_[number].size();
    sets_[number] = {};
    holds_[number] = nullptr;
    free_.push_back(number);
  }
}

std::uint32_t Resolver::set_of_written(const model::Peer& peer, const std::string& own_namespace) {
  const auto [known, is_new] = written_.try_emplace(&peer);
  if (is_new) known->second = set_of(peer, own_namespace);
  return known->second;
}

void Resolver::forget(const model::Policy& policy) {
  for (const auto& rules : policy.rules) {
    for (const model::Rule& rule : rules) {
      for (const model::Peer& peer : rule.peers) written_.erase(&peer);
    }
  }
}

std::uint32_t Resolver::set_of(const model::Peer& peer, const std::string& own_namespace) {
  if (const auto* pods = std::get_if<model::PodPeer>(&peer)) {
    return set_of_pods(*pods, own_namespace);
  }
  if (const auto* block = std::get_if<model::CidrPeer>(&peer)) return set_of_block(*block);
  if (const auto* nodes = std::get_if<model::NodePeer>(&peer)) return set_of_nodes(*nodes);
  if (std::holds_alternative<model::WorldPeer>(peer)) return set_of_all("world", false);
  if (std::holds_alternative<model::DnsPeer>(peer)) return set_of_dns();
  return remembered(
      "nobody", [] { return Numbers{}; }, [](const Identity&) { return false; });
}

std::uint32_t Resolver::set_of_pods(const model::PodPeer& peer, const std::string& own_namespace) {
  std::string text = "pods";
  if (peer.namespaces) {
    append_part(text, text_of(*peer.namespaces));
  } else {
    text += "@" + own_namespace;
  }
  if (peer.pods) append_part(text, text_of(*peer.pods));
  return remembered(
      text, [&] { return identities_of(groups_of(peer, own_namespace)); },
      [this, peer, own_namespace](const Identity& identity) {
        return identity.group != kNoGroup && has_pod(peer, own_namespace, identity.group);
      });
}

bool Resolver::has_pod(const model::PodPeer& peer, const std::string& own_namespace,
                       std::uint32_t group) const {
  const Inventory& inventory = identities_.inventory();
  const model::Namespace& ns = inventory.namespace_of(group);
  // A cluster-wide policy has no namespace of its own: its peers are everywhere.
  const bool has_space = peer.namespaces ? matches(*peer.namespaces, ns)
                                         : own_namespace.empty() || own_namespace == ns.name;
  return has_space && (!peer.pods || matches(*peer.pods, *inventory.group(group).pod));
}

std::uint32_t Resolver::set_of_block(const model::CidrPeer& peer) {
  std::string text = "cidr" + peer.prefix.text();
  for (const Prefix& except : peer.except) text += "!" + except.text();
  const auto find = [&] {
    Numbers found;
    for (const std::uint32_t region : identities_.regions().covered_by(peer)) {
      const auto& inside = identities_.of_region(region);
      found.insert(found.end(), inside.begin(), inside.end());
    }
    std::ranges::sort(found);
    return found;
  };
  return remembered(text, find, [this, peer](const Identity& identity) {
    return identity.region != kNoRegion &&
           covers(peer, identities_.regions().prefix(identity.region));
  });
}

// What the selector matches changes with the nodes, and then everything is resolved anew.
std::uint32_t Resolver::set_of_nodes(const model::NodePeer& peer) {
  const auto prefixes = node_prefixes(cluster_, peer);
  const auto find = [&] {
    Numbers found;
    for (const Prefix& prefix : prefixes) {
      const auto& inside = identities_.of_region(identities_.regions().find(prefix));
      found.insert(found.end(), inside.begin(), inside.end());
    }
    std::ranges::sort(found);
    return found;
  };
  return remembered(
      "nodes" + text_of(peer.nodes), find, [this, prefixes](const Identity& identity) {
        return identity.region != kNoRegion &&
               std::ranges::binary_search(prefixes, identities_.regions().prefix(identity.region));
      });
}

std::uint32_t Resolver::set_of_all_pods() { return set_of_all("all pods", true); }

std::uint32_t Resolver::set_of_all(const std::string& text, const bool is_pod) {
  const auto is_one = [is_pod](const Identity& identity) {
    return identity.is_live && (identity.group != kNoGroup) == is_pod;
  };
  const auto find = [&] {
    Numbers found;
    for (std::uint32_t id = 0; id < identities_.all().size(); ++id) {
      if (is_one(identities_.all()[id])) found.push_back(id);
    }
    return found;
  };
  return remembered(text, find, is_one);
}

std::uint32_t Resolver::set_of_dns() {
  const auto find = [&] {
    const auto& settings = cluster_.settings;
    Numbers found;
    for (const IpAddress& address : settings.dns_addresses) {
      const auto& inside = identities_.of_region(identities_.regions().region_of(address));
      found.insert(found.end(), inside.begin(), inside.end());
    }
    if (settings.dns_namespace) {
      const model::PodPeer peer{.namespaces = std::nullopt, .pods = settings.dns_pods};
      const auto pods = identities_of(groups_of(peer, *settings.dns_namespace));
      found.insert(found.end(), pods.begin(), pods.end());
    }
    sort_once(found);
    return found;
  };
  return remembered("dns", find, [this](const Identity& identity) { return is_dns(identity); });
}

bool Resolver::is_dns(const Identity& identity) const {
  const auto& settings = cluster_.settings;
  if (identity.region != kNoRegion) {
    const Prefix& prefix = identities_.regions().prefix(identity.region);
    const bool is_address = std::ranges::any_of(
        settings.dns_addresses,
        [&](const IpAddress& address) { return prefix == Prefix::host(address); });
    if (is_address) return true;
  }
  const model::PodPeer peer{.namespaces = std::nullopt, .pods = settings.dns_pods};
  return settings.dns_namespace && identity.group != kNoGroup &&
         has_pod(peer, *settings.dns_namespace, identity.group);
}

Resolver::Numbers Resolver::identities_of(const Numbers& groups) const {
  Numbers found;
  for (const std::uint32_t group : groups) {
    const auto identities = identities_.of_group(group);
    found.insert(found.end(), identities.begin(), identities.end());
  }
  std::ranges::sort(found);
  return found;
}

Resolver::Numbers Resolver::spaces_of(const model::LabelSelector& selector) const {
  const Inventory& inventory = identities_.inventory();
  Numbers found;
  const auto keep = [&](std::uint32_t space) {
    if (matches(selector, *inventory.spaces()[space].ns)) found.push_back(space);
  };
  if (const auto term = required_term(selector)) {
    std::ranges::for_each(inventory.spaces_by_label().with(term->key, term->value), keep);
  } else {
    for (std::uint32_t space = 0; space < inventory.spaces().size(); ++space) keep(space);
  }
  return found;
}

Resolver::Numbers Resolver::groups_of(const model::PodPeer& peer,
                                      const std::string& own_namespace) const {
  const Inventory& inventory = identities_.inventory();
  Numbers spaces;
  if (peer.namespaces || own_namespace.empty()) {
    spaces = spaces_of(peer.namespaces.value_or(model::LabelSelector{}));
  } else if (const Space* own = inventory.space(own_namespace)) {
    spaces = {static_cast<std::uint32_t>(own - inventory.spaces().data())};
  }
  const auto pods = peer.pods.value_or(model::LabelSelector{});
  Numbers found;
  const auto keep = [&](std::uint32_t group) {
    if (matches(pods, *inventory.group(group).pod)) found.push_back(group);
  };
  const auto term = required_term(pods);
  if (!term || spaces.size() <= kWalkedSpaces) {
    for (const std::uint32_t space : spaces) {
      std::ranges::for_each(inventory.spaces()[space].groups, keep);
    }
    return found;
  }
  for (const std::uint32_t group : inventory.groups_by_label().with(term->key, term->value)) {
    if (std::ranges::binary_search(spaces, inventory.group(group).space)) keep(group);
  }
  return found;
}

}  // namespace bulkhead::compile
