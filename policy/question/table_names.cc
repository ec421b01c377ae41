// SPDX-License-Identifier: Apache-2.0
#include "policy/question/table_names.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <set>

namespace bulkhead::question {
namespace {

using Json = nlohmann::ordered_json;

const Json& list_of(const Json& json, const char* name) {
  static const Json nothing = Json::array();
  const auto found = json.find(name);
  return found != json.end() && found->is_array() ? *found : nothing;
}

bool is_row(const Json& row, std::size_t size) { return row.is_array() && row.size() == size; }

std::optional<std::string> text_at(const Json& row, std::size_t i) {
  if (!row[i].is_string()) return {};
  return row[i].get<std::string>();
}

std::optional<std::uint32_t> number_at(const Json& row, std::size_t i, std::uint32_t limit) {
  if (!row[i].is_number_unsigned()) return {};
  const auto number = row[i].get<std::uint64_t>();
  if (number >= limit) return {};
  return static_cast<std::uint32_t>(number);
}

std::optional<model::PodKey> pod_at(const Json& row, std::size_t i) {
  const auto text = text_at(row, i);
  const auto slash = text ? text->find('/') : std::string::npos;
  if (slash == std::string::npos) return {};
  return model::PodKey{text->substr(0, slash), text->substr(slash + 1)};
}

std::optional<std::pair<IpAddress, compile::PodAddress>> read_address(const Json& row,
                                                                      std::uint32_t limit) {
  if (!is_row(row, 3)) return {};
  const auto text = text_at(row, 0);
  const auto address = text ? IpAddress::parse(*text) : fail("absent");
  const auto identity = number_at(row, 1, limit);
  const auto pod = pod_at(row, 2);
  if (!address || !identity || !pod) return {};
  return std::pair{*address, compile::PodAddress{IdentityId{*identity}, *pod}};
}

std::optional<compile::SlotInfo> read_slot(const Json& row, std::uint32_t limit) {
  if (!is_row(row, 5) || !row[4].is_boolean()) return {};
  const auto slot = number_at(row, 0, limit);
  const auto rule = text_at(row, 1);
  const auto direction = text_at(row, 2);
  const auto verdict = text_at(row, 3);
  if (!slot || !rule || !direction || !verdict) return {};
  const bool is_known = (*direction == "egress" || *direction == "ingress") &&
                        (*verdict == "allow" || *verdict == "deny");
  if (!is_known) return {};
  return compile::SlotInfo{
      CounterSlot{*slot}, *rule, *direction == "egress" ? Direction::Egress : Direction::Ingress,
      *verdict == "allow" ? Verdict::Allow : Verdict::Deny, row[4].get<bool>()};
}

}  // namespace

std::string names_text(const compile::CompiledTable& table) {
  Json addresses = Json::array();
  for (const auto& [address, entry] : table.addresses) {
    addresses.push_back({address.text(), entry.identity.value, entry.pod.text()});
  }
  Json pods = Json::array();
  for (const auto& [key, identity] : table.pods) {
    // Two elements, the first a string, would read as an object.
    pods.push_back(Json::array({key.text(), identity.value}));
  }
  Json slots = Json::array();
  for (const auto& slot : table.slots) {
    slots.push_back(
        {slot.slot.value, slot.rule, name_of(slot.direction), name_of(slot.verdict), slot.staged});
  }
  const Json json = {
      {"addresses", std::move(addresses)}, {"pods", std::move(pods)}, {"slots", std::move(slots)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Status read_names(std::string_view text, const table::TableView& view,
                  compile::CompiledTable& table) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return fail("are no JSON object");
  // A pod may have the number 0: it shares an address and is unknown.
  const std::uint32_t identities = view.identities().size();
  for (const auto& row : list_of(json, "addresses")) {
    const auto entry = read_address(row, identities);
    if (!entry) return fail("address {} cannot be read", table.addresses.size());
    const bool is_sorted =
        table.addresses.empty() || std::prev(table.addresses.end())->first < entry->first;
    if (!is_sorted) return fail("address {} is out of order", entry->first.text());
    table.addresses.emplace(entry->first, entry->second);
  }
  for (const auto& row : list_of(json, "pods")) {
    const auto pod = is_row(row, 2) ? pod_at(row, 0) : std::nullopt;
    const auto identity = pod ? number_at(row, 1, identities) : std::nullopt;
    if (!identity) return fail("pod {} cannot be read", table.pods.size());
    table.pods.emplace(*pod, IdentityId{*identity});
  }
  std::set<std::uint32_t> seen;
  for (const auto& row : list_of(json, "slots")) {
    const auto slot = read_slot(row, view.slot_limit());
    if (!slot) return fail("slot {} cannot be read", table.slots.size());
    if (!seen.insert(slot->slot.value).second) {
      return fail("slot {} is named twice", slot->slot.value);
    }
    table.slots.push_back(*slot);
  }
  return {};
}

}  // namespace bulkhead::question
