// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/resolve.h"

#include <algorithm>
#include <numeric>

#include "policy/compile/selectors.h"

namespace bulkhead::compile {
namespace {

// Below this many namespaces their groups are walked; beyond, the label index is asked.
constexpr std::size_t kWalkedNamespaces = 32;

std::string label_text(std::string_view key, std::string_view value) {
  std::string text;
  append_part(text, key);
  text += value;
  return text;
}

}  // namespace

Resolver::Resolver(const model::Settings& settings, const Inventory& inventory,
                   const Regions& regions, const Identities& identities)
    : settings_(settings), inventory_(inventory), regions_(regions), identities_(identities) {}

template <class Make>
std::uint32_t Resolver::remembered(const std::string& text, const Make& make) {
  const auto [found, is_new] =
      set_numbers_.try_emplace(text, static_cast<std::uint32_t>(sets_.size()));
  const std::uint32_t number = found->second;
  if (!is_new) return number;
  sets_.push_back(members_ > kMaxMembers ? Indexes{} : make());
  members_ += sets_.back().size();
  return number;
}

Status Resolver::check_limit() const {
  if (members_ <= kMaxMembers) return {};
  return fail("the peers of the policies name more than the limit of {} identities in sum",
              kMaxMembers);
}

std::uint32_t Resolver::set_of(const model::Peer& peer, std::uint32_t namespace_index) {
  if (const auto* pods = std::get_if<model::PodPeer>(&peer)) {
    std::string text = "pods";
    if (pods->namespaces) {
      append_part(text, text_of(*pods->namespaces));
    } else {
      text += "@" + std::to_string(namespace_index);
    }
    if (pods->pods) append_part(text, text_of(*pods->pods));
    return remembered(text, [&] { return resolve(*pods, namespace_index); });
  }
  if (const auto* cidr = std::get_if<model::CidrPeer>(&peer)) {
    std::string text = "cidr" + cidr->prefix.text();
    for (const Prefix& except : cidr->except) text += "!" + except.text();
    return remembered(text, [&] { return resolve(*cidr); });
  }
  if (std::holds_alternative<model::WorldPeer>(peer)) {
    return remembered("world", [&] { return resolve_world(); });
  }
  if (std::holds_alternative<model::DnsPeer>(peer)) return set_of_dns();
  return remembered("nobody", [] { return Indexes{}; });
}

std::uint32_t Resolver::set_of_all_pods() {
  return remembered("all pods", [&] {
    Indexes all(identities_.first_outside());
    std::iota(all.begin(), all.end(), 0u);
    return all;
  });
}

std::uint32_t Resolver::set_of_dns() {
  return remembered("dns", [&] { return resolve_dns(); });
}

Resolver::Indexes Resolver::identities_of(const Indexes& groups) const {
  Indexes found;
  for (const std::uint32_t group : groups) {
    for (std::uint32_t i = identities_.first_of_group[group];
         i < identities_.first_of_group[group + 1]; ++i) {
      found.push_back(i);
    }
  }
  return found;
}

Resolver::Indexes Resolver::resolve(const model::PodPeer& peer, std::uint32_t namespace_index) {
  const Indexes own = {namespace_index};
  // A cluster-wide policy has no namespace of its own: its peers are everywhere.
  const Indexes& namespaces = peer.namespaces                   ? namespaces_of(*peer.namespaces)
                              : namespace_index == kNoNamespace ? namespaces_of({})
                                                                : own;
  return identities_of(groups_of(namespaces, peer.pods.value_or(model::LabelSelector{})));
}

Resolver::Indexes Resolver::resolve(const model::CidrPeer& peer) const {
  Indexes found;
  for (const std::uint32_t region : regions_.covered_by(peer)) {
    const auto& inside = identities_.of_region[region];
    found.insert(found.end(), inside.begin(), inside.end());
  }
  std::ranges::sort(found);
  return found;
}

Resolver::Indexes Resolver::resolve_world() const {
  Indexes found(identities_.all.size() - identities_.first_outside());
  std::iota(found.begin(), found.end(), identities_.first_outside());
  return found;
}

Resolver::Indexes Resolver::resolve_dns() {
  Indexes found;
  for (const IpAddress& address : settings_.dns_addresses) {
    const auto& inside = identities_.of_region[regions_.region_of(address)];
    found.insert(found.end(), inside.begin(), inside.end());
  }
  if (settings_.dns_namespace) {
    const auto ns = inventory_.namespace_index.find(*settings_.dns_namespace);
    if (ns != inventory_.namespace_index.end()) {
      const Indexes pods = identities_of(groups_of({ns->second}, settings_.dns_pods));
      found.insert(found.end(), pods.begin(), pods.end());
    }
  }
  std::ranges::sort(found);
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

const Resolver::Indexes& Resolver::namespaces_of(const model::LabelSelector& selector) {
  const auto [found, is_new] = namespaces_by_selector_.try_emplace(text_of(selector));
  if (!is_new) return found->second;
  auto& kept = found->second;  // clang 14 captures no structured binding
  const auto keep = [&](std::uint32_t i) {
    if (matches(selector, *inventory_.namespaces[i])) kept.push_back(i);
  };
  if (const auto term = required_term(selector)) {
    if (namespaces_by_label_.empty()) index_namespaces();
    const auto candidates = namespaces_by_label_.find(label_text(term->key, term->value));
    if (candidates != namespaces_by_label_.end()) std::ranges::for_each(candidates->second, keep);
  } else {
    for (std::uint32_t i = 0; i < inventory_.namespaces.size(); ++i) keep(i);
  }
  return found->second;
}

// `namespaces` ascending; so is the answer.
Resolver::Indexes Resolver::groups_of(const Indexes& namespaces, const model::LabelSelector& pods) {
  Indexes found;
  const auto keep = [&](std::uint32_t group) {
    if (matches(pods, *inventory_.groups[group].pod)) found.push_back(group);
  };
  const auto term = required_term(pods);
  if (!term || namespaces.size() <= kWalkedNamespaces) {
    for (const std::uint32_t ns : namespaces) {
      const auto [first, end] = inventory_.groups_of_namespace[ns];
      for (std::uint32_t group = first; group < end; ++group) keep(group);
    }
    return found;
  }
  if (groups_by_label_.empty()) index_groups();
  const auto candidates = groups_by_label_.find(label_text(term->key, term->value));
  if (candidates == groups_by_label_.end()) return found;
  for (const std::uint32_t group : candidates->second) {
    const std::uint32_t ns = inventory_.groups[group].namespace_index;
    if (std::ranges::binary_search(namespaces, ns)) keep(group);
  }
  return found;
}

void Resolver::index_namespaces() {
  for (std::uint32_t i = 0; i < inventory_.namespaces.size(); ++i) {
    for (const auto& [key, value] : inventory_.namespaces[i]->labels) {
      namespaces_by_label_[label_text(key, value)].push_back(i);
    }
  }
}

void Resolver::index_groups() {
  for (std::uint32_t i = 0; i < inventory_.groups.size(); ++i) {
    const model::Pod& pod = *inventory_.groups[i].pod;
    // As matches() reads it: the field answers for the label.
    const bool has_account = !pod.service_account.empty();
    if (has_account) {
      groups_by_label_[label_text(model::kServiceAccountLabel, pod.service_account)].push_back(i);
    }
    for (const auto& [key, value] : pod.labels) {
      if (has_account && key == model::kServiceAccountLabel) continue;
      groups_by_label_[label_text(key, value)].push_back(i);
    }
  }
}

}  // namespace bulkhead::compile
