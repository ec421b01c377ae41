// SPDX-License-Identifier: Apache-2.0
#include "policy/question/cover.h"

#include <algorithm>

namespace bulkhead::question {
namespace {

// An absent selector of namespaces is the policy's own namespace; an absent one of pods is all.
bool covers_namespaces(const std::optional<model::LabelSelector>& wide,
                       const std::optional<model::LabelSelector>& narrow) {
  if (wide == narrow) return true;
  if (!wide) return false;
  return narrow ? covers(*wide, *narrow) : *wide == model::LabelSelector{};
}

bool covers_pods(const std::optional<model::LabelSelector>& wide,
                 const std::optional<model::LabelSelector>& narrow) {
  if (!wide || *wide == model::LabelSelector{}) return true;
  return narrow && covers(*wide, *narrow);
}

bool covers_block(const model::CidrPeer& wide, const model::CidrPeer& narrow) {
  if (!wide.prefix.contains(narrow.prefix)) return false;
  return std::ranges::all_of(wide.except, [&](const Prefix& hole) {
    const bool is_apart = !hole.contains(narrow.prefix) && !narrow.prefix.contains(hole);
    return is_apart || std::ranges::any_of(narrow.except, [&](const Prefix& known) {
             return known.contains(hole);
           });
  });
}

template <class Item>
bool covers_all(const std::vector<Item>& wide, const std::vector<Item>& narrow) {
  if (wide.empty()) return true;
  if (narrow.empty()) return false;
  return std::ranges::all_of(narrow, [&](const Item& item) {
    return std::ranges::any_of(wide, [&](const Item& other) { return covers(other, item); });
  });
}

}  // namespace

bool covers(const model::LabelSelector& wide, const model::LabelSelector& narrow) {
  const bool has_labels = std::ranges::all_of(wide.match_labels, [&](const auto& label) {
    const auto found = narrow.match_labels.find(label.first);
    return found != narrow.match_labels.end() && found->second == label.second;
  });
  return has_labels && std::ranges::all_of(wide.match_expressions, [&](const auto& wanted) {
           return std::ranges::find(narrow.match_expressions, wanted) !=
                  narrow.match_expressions.end();
         });
}

bool covers(const model::Peer& wide, const model::Peer& narrow) {
  if (wide == narrow) return true;
  if (const auto* pods = std::get_if<model::PodPeer>(&wide)) {
    const auto* other = std::get_if<model::PodPeer>(&narrow);
    return other != nullptr && covers_namespaces(pods->namespaces, other->namespaces) &&
           covers_pods(pods->pods, other->pods);
  }
  if (const auto* block = std::get_if<model::CidrPeer>(&wide)) {
    const auto* other = std::get_if<model::CidrPeer>(&narrow);
    return other != nullptr && covers_block(*block, *other);
  }
  return false;
}

bool covers(const model::PortMatch& wide, const model::PortMatch& narrow) {
  if (wide == narrow) return true;
  if (wide.protocol != narrow.protocol) return false;
  const auto* range = std::get_if<model::PortRange>(&wide.port);
  if (range == nullptr) return false;
  if (*range == model::PortRange{}) return true;
  const auto* other = std::get_if<model::PortRange>(&narrow.port);
  return other != nullptr && range->first <= other->first && other->last <= range->last;
}

bool covers(const model::Rule& wide, const model::Rule& narrow) {
  return covers_all(wide.peers, narrow.peers) && covers_all(wide.ports, narrow.ports);
}

bool covers_subjects(const model::Policy& wide, const model::Policy& narrow) {
  if (wide.namespace_name != narrow.namespace_name) return false;
  const bool has_namespaces =
      !wide.subject_namespaces ||
      (narrow.subject_namespaces && covers(*wide.subject_namespaces, *narrow.subject_namespaces));
  return has_namespaces && covers(wide.subject_pods, narrow.subject_pods);
}

}  // namespace bulkhead::question
