// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/kinds.h"

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

void write_others(std::string& text, const model::Pod& pod) {
  text.clear();
  for (const auto& port : pod.ports) {
    append(text, port.name);
    text += std::to_string(port.protocol) + '.' + std::to_string(port.port) + ';';
  }
  if (!pod.quarantine) return;
  append(text, "quarantined " + pod.key.text());
  if (pod.quarantine->forensic_peer) append(text, pod.quarantine->forensic_peer->text());
}

}  // namespace

std::uint32_t Kinds::Texts::number_of(const std::string& text) {
  const auto [found, is_new] =
      numbers.try_emplace(text, static_cast<std::uint32_t>(numbers.size()));
  if (is_new) texts.push_back(text);
  return found->second;
}

// Multipliers of splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
std::size_t Kinds::Hash::operator()(const Kind& kind) const {
  const std::uint64_t pair = std::uint64_t{kind.space} << 32 | kind.labels;
  return (pair * 0x9e3779b97f4a7c15u) ^ (kind.others * 0xbf58476d1ce4e5b9u);
}

std::optional<std::uint32_t> Kinds::space_of(const std::string& name) const {
  const auto found = spaces_.numbers.find(name);
  if (found == spaces_.numbers.end()) return {};
  return found->second;
}

std::uint32_t Kinds::of(const model::Pod& pod) {
  Kind kind{.space = spaces_.number_of(pod.key.namespace_name)};
  if (kind.space == in_space_.size()) in_space_.emplace_back();
  write_labels(text_, pod);
  kind.labels = labels_.number_of(text_);
  if (kind.labels == samples_.size()) {
    model::Pod& sample = samples_.emplace_back();
    sample.labels = pod.labels;
    sample.service_account = pod.service_account;
  }
  write_others(text_, pod);
  kind.others = others_.number_of(text_);
  const auto [found, is_new] =
      numbers_.try_emplace(kind, static_cast<std::uint32_t>(kinds_.size()));
  if (is_new) {
    kinds_.push_back(kind);
    in_space_[kind.space].push_back(found->second);
  }
  return found->second;
}

}  // namespace bulkhead::verify
