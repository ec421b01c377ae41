// SPDX-License-Identifier: Apache-2.0
#include "control/flowlog/recorded.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "policy/base/protocol.h"

namespace bulkhead::control::flowlog {
namespace {

using Json = nlohmann::json;

Result<std::string> text_field(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return fail("has no text \"{}\"", name);
  return found->get<std::string>();
}

Result<RecordedEnd> end_field(const Json& record, const char* name) {
  const auto found = record.find(name);
  if (found == record.end() || !found->is_object()) return fail("has no object \"{}\"", name);
  RecordedEnd end;
  const auto space = text_field(*found, "namespace");
  const auto pod = text_field(*found, "pod");
  const auto ip = text_field(*found, "ip");
  for (const auto* field : {&space, &pod, &ip}) {
    if (!*field) return in_context(name, field->error());
  }
  if (space->empty() != pod->empty()) return fail("{}: names half a pod", name);
  const auto address = IpAddress::parse(*ip);
  if (!address) return in_context(name, address.error());
  const auto port = found->find("port");
  const bool is_port =
      port != found->end() && port->is_number_unsigned() && port->get<std::uint64_t>() <= 65535;
  if (!is_port) return fail("{}: has no \"port\" from 0 to 65535", name);
  return RecordedEnd{*space, *pod, *address, port->get<std::uint16_t>()};
}

// "TCP", or the number of a protocol without a name.
Result<std::uint8_t> protocol_of(const std::string& text) {
  if (const auto named = protocol_number(text)) return *named;
  std::uint8_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return fail("\"{}\" is no protocol", text.substr(0, 20));
  }
  return number;
}

}  // namespace

Result<Recorded> read_recorded(std::string_view line) {
  const Json json = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return fail("is no JSON object");
  Recorded recorded;
  for (const auto& [name, field] :
       {std::pair{"time", &recorded.time}, std::pair{"event", &recorded.event},
        std::pair{"reason", &recorded.reason}, std::pair{"rule", &recorded.rule}}) {
    auto text = text_field(json, name);
    if (!text) return tl::unexpected(text.error());
    *field = std::move(*text);
  }
  const auto verdict = text_field(json, "verdict");
  const auto protocol = text_field(json, "protocol");
  if (!verdict) return tl::unexpected(verdict.error());
  if (!protocol) return tl::unexpected(protocol.error());
  if (*verdict != "allow" && *verdict != "deny") return fail("\"verdict\" is not allow or deny");
  recorded.verdict = *verdict == "allow" ? Verdict::Allow : Verdict::Deny;
  const auto number = protocol_of(*protocol);
  if (!number) return tl::unexpected(number.error());
  recorded.protocol = *number;
  auto source = end_field(json, "source");
  if (!source) return tl::unexpected(source.error());
  recorded.source = std::move(*source);
  auto destination = end_field(json, "destination");
  if (!destination) return tl::unexpected(destination.error());
  recorded.destination = std::move(*destination);
  return recorded;
}

}  // namespace bulkhead::control::flowlog
