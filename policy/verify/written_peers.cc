// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/written_peers.h"

#include <algorithm>

#include "policy/oracle/match.h"

namespace bulkhead::verify {
namespace {

void append(std::string& text, std::string_view part) {
  text += std::to_string(part.size()) + ":";
  text += part;
}

// Different selectors, different texts; no selector is none of them.
std::string text_of(const std::optional<model::LabelSelector>& selector) {
  if (!selector) return "-";
  std::string text = "+";
  for (const auto& [key, value] : selector->match_labels) append(text, key), append(text, value);
  for (const auto& requirement : selector->match_expressions) {
    text += '?';
    text += std::to_string(static_cast<int>(requirement.op));
    append(text, requirement.key);
    for (const auto& value : requirement.values) append(text, value);
  }
  return text;
}

}  // namespace

WrittenPeers::Peer WrittenPeers::of(const std::string& policy_namespace,
                                    const model::PodPeer& peer) {
  const auto own = oracle::own_namespace(policy_namespace, peer);
  auto& spaces = spaces_[own ? "=" + *own : text_of(peer.namespaces)];
  if (!spaces) {
    spaces = std::make_shared<Spaces>(Spaces{
        policy_namespace, own, {.namespaces = peer.namespaces, .pods = std::nullopt}, {}, 0});
  }
  auto& labels = labels_[text_of(peer.pods)];
  if (!labels) labels = std::make_shared<Labels>(Labels{peer.pods, {}});
  return {spaces, labels};
}

const model::Namespace* WrittenPeers::object_of(const model::Cluster& cluster,
                                                std::uint32_t space) const {
  for (auto next = objects_.size(); next <= space; ++next) {
    const auto found = cluster.namespaces.find(kinds_.spaces()[next]);
    objects_.push_back(found != cluster.namespaces.end() ? found->second : nullptr);
  }
  return objects_[space].get();
}

bool WrittenPeers::ask(const model::Cluster& cluster, const Spaces& spaces,
                       std::uint32_t space) const {
  const std::string& name = kinds_.spaces()[space];
  if (spaces.peer.namespaces) {
    return oracle::matches_namespace(object_of(cluster, space), *spaces.peer.namespaces, name);
  }
  // A pod of that namespace of which nothing else is asked.
  model::Pod anyone;
  anyone.key.namespace_name = name;
  return oracle::matches_peer(cluster, spaces.policy_namespace, spaces.peer,
                              {.pod = &anyone, .address = {}});
}

void WrittenPeers::ask_on(const model::Cluster& cluster, Spaces& spaces) const {
  const auto count = static_cast<std::uint32_t>(kinds_.spaces().size());
  if (spaces.asked == count) return;
  if (spaces.own) {
    const auto own = kinds_.space_of(*spaces.own);
    const bool is_new = own && *own >= spaces.asked;
    if (is_new && ask(cluster, spaces, *own)) spaces.yes.push_back(*own);
    spaces.asked = count;
    return;
  }
  for (; spaces.asked < count; ++spaces.asked) {
    if (ask(cluster, spaces, spaces.asked)) spaces.yes.push_back(spaces.asked);
  }
}

const std::vector<std::uint32_t>& WrittenPeers::spaces_of(const model::Cluster& cluster,
                                                          const Peer& peer) const {
  ask_on(cluster, *peer.spaces);
  return peer.spaces->yes;
}

bool WrittenPeers::has_labels(const Peer& peer, std::uint32_t labels) const {
  auto& [pods, known] = *peer.labels;
  if (known.size() <= labels) known.resize(labels + 1, Labels::Known::NotYet);
  if (known[labels] == Labels::Known::NotYet) {
    const bool matches = !pods || oracle::matches_pod(*pods, kinds_.sample(labels));
    known[labels] = matches ? Labels::Known::Yes : Labels::Known::No;
  }
  return known[labels] == Labels::Known::Yes;
}

void WrittenPeers::ask_again(const model::Cluster& cluster, const std::string& name) {
  const auto space = kinds_.space_of(name);
  if (!space) return;
  if (*space < objects_.size()) {
    const auto found = cluster.namespaces.find(name);
    objects_[*space] = found != cluster.namespaces.end() ? found->second : nullptr;
  }
  for (auto& [text, spaces] : spaces_) {
    if (spaces->asked <= *space || (spaces->own && *spaces->own != name)) continue;
    const auto place = std::ranges::lower_bound(spaces->yes, *space);
    const bool was_yes = place != spaces->yes.end() && *place == *space;
    const bool is_yes = ask(cluster, *spaces, *space);
    if (was_yes && !is_yes) spaces->yes.erase(place);
    if (is_yes && !was_yes) spaces->yes.insert(place, *space);
  }
}

}  // namespace bulkhead::verify
