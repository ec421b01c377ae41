// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/inventory.h"

#include <algorithm>

#include "policy/compile/selectors.h"
#include "policy/compile/sorted.h"

namespace bulkhead::compile {
namespace {

model::NamespacePtr implied(const std::string& name) {
  auto ns = std::make_shared<model::Namespace>();
  ns->name = name;
  ns->labels.emplace(model::kNamespaceNameLabel, name);
  return ns;
}

std::string text_of_namespace(const model::Namespace& ns) {
  std::string text;
  append_part(text, ns.name);
  for (const auto& [key, value] : ns.labels) {
    append_part(text, key);
    append_part(text, value);
  }
  return text;
}

// What tells the pod from others of its namespace, into `text`.
void append_pod(std::string& text, const model::Pod& pod) {
  text += '|';
  for (const auto& [key, value] : pod.labels) {
    append_part(text, key);
    append_part(text, value);
  }
  text += '|';
  append_part(text, pod.service_account);
  text += '|';
  for (const model::ContainerPort& port : pod.ports) {
    if (port.name.empty()) continue;
    append_part(text, port.name);
    text += std::to_string(port.protocol);
    text += '/';
    text += std::to_string(port.port);
    text += ';';
  }
  if (pod.quarantine) {
    text += "|quarantined";
    append_part(text, pod.key.name);
    append_part(text, pod.uid);
    if (pod.quarantine->forensic_peer) text += pod.quarantine->forensic_peer->text();
  }
}

}  // namespace

std::string Inventory::text_of(const std::string& name, const model::NamespacePtr& ns) {
  return text_of_namespace(ns != nullptr ? *ns : *implied(name));
}

void Inventory::set_space(const std::string& name, const model::NamespacePtr& ns) {
  const auto [found, is_new] =
      space_numbers_.try_emplace(name, static_cast<std::uint32_t>(spaces_.size()));
  const std::uint32_t number = found->second;
  if (is_new) spaces_.emplace_back();
  Space& space = spaces_[number];
  const model::NamespacePtr now = ns != nullptr ? ns : implied(name);
  std::string text = text_of_namespace(*now);
  if (text != space.text) {
    if (space.ns != nullptr) {
      for (const auto& [key, value] : space.ns->labels) spaces_by_label_.remove(number, key, value);
    }
    for (const auto& [key, value] : now->labels) spaces_by_label_.add(number, key, value);
    space.text = std::move(text);
  }
  space.ns = now;
}

void Inventory::write_key(std::string& text, const model::Pod& pod) const {
  text = spaces_[space_numbers_.find(pod.key.namespace_name)->second].text;
  append_pod(text, pod);
}

std::uint32_t Inventory::add(const model::PodPtr& pod) {
  std::string text;
  write_key(text, *pod);
  const auto known = group_numbers_.find(text);
  if (known != group_numbers_.end()) {
    ++groups_[known->second].pods;
    return known->second;
  }
  auto number = static_cast<std::uint32_t>(groups_.size());
  if (free_groups_.empty()) {
    groups_.emplace_back();
  } else {
    number = free_groups_.back();
    free_groups_.pop_back();
  }
  Group& group = groups_[number];
  group = {.space = space_numbers_.find(pod->key.namespace_name)->second,
           .pod = pod,
           .key = std::make_shared<const std::string>(std::move(text)),
           .pods = 1};
  group_numbers_.emplace(*group.key, number);
  insert_sorted(spaces_[group.space].groups, number);
  index(number, group, true);
  return number;
}

std::uint32_t Inventory::remove(const model::Pod& pod) {
  const std::uint32_t number = group_of(pod);
  --groups_[number].pods;
  return number;
}

void Inventory::free(std::uint32_t number) {
  Group& group = groups_[number];
  index(number, group, false);
  erase_sorted(spaces_[group.space].groups, number);
  group_numbers_.erase(*group.key);
  group = {};
  free_groups_.push_back(number);
}

// As matches() reads them: the field answers for the service account's label.
void Inventory::index(std::uint32_t number, const Group& group, const bool is_added) {
  const model::Pod& pod = *group.pod;
  const auto note = [&](std::string_view key, std::string_view value) {
    if (is_added) {
      groups_by_label_.add(number, key, value);
    } else {
      groups_by_label_.remove(number, key, value);
    }
  };
  const bool has_account = !pod.service_account.empty();
  if (has_account) note(model::kServiceAccountLabel, pod.service_account);
  for (const auto& [key, value] : pod.labels) {
    if (!has_account || key != model::kServiceAccountLabel) note(key, value);
  }
  for (const model::ContainerPort& port : pod.ports) {
    if (port.name.empty()) continue;
    auto& groups = groups_by_port_[port.name];
    if (is_added) {
      insert_sorted(groups, number);
    } else {
      erase_sorted(groups, number);
    }
  }
}

std::uint32_t Inventory::group_of(const model::Pod& pod) const {
  if (space_numbers_.find(pod.key.namespace_name) == space_numbers_.end()) return kNoGroup;
  std::string text;
  write_key(text, pod);
  const auto known = group_numbers_.find(text);
  return known != group_numbers_.end() ? known->second : kNoGroup;
}

const Space* Inventory::space(std::string_view name) const {
  const auto found = space_numbers_.find(name);
  return found != space_numbers_.end() ? &spaces_[found->second] : nullptr;
}

const std::vector<std::uint32_t>& Inventory::groups_with_port(const std::string& name) const {
  static const std::vector<std::uint32_t> kNobody;
  const auto found = groups_by_port_.find(name);
  return found != groups_by_port_.end() ? found->second : kNobody;
}

}  // namespace bulkhead::compile
