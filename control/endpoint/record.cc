// SPDX-License-Identifier: Apache-2.0
#include "control/endpoint/record.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "control/api/json.h"

namespace bulkhead::control::endpoint {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;

// A member that must be an unsigned number of `Number`'s range.
template <class Number>
Result<Number> number(const Json& json, const char* name) {
  const auto member = json.find(name);
  if (member == json.end() || !member->is_number_unsigned()) {
    return fail("{}: must be an unsigned number", name);
  }
  const auto value = member->get<std::uint64_t>();
  if (value > std::numeric_limits<Number>::max()) return fail("{}: {} is too large", name, value);
  return static_cast<Number>(value);
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

Status read_numbers(const Json& json, EndpointRecord& record) {
  const auto port = number<std::uint32_t>(json, "port");
  const auto id = number<std::uint32_t>(json, "id");
  const auto generation = number<std::uint32_t>(json, "generation");
  const auto mtu = number<std::uint32_t>(json, "mtu");
  const auto inode = number<std::uint64_t>(json, "netns_inode");
  for (const auto* value : {&port, &id, &generation, &mtu}) {
    if (!*value) return tl::unexpected(value->error());
  }
  if (!inode) return tl::unexpected(inode.error());
  record.port = PortId{*port};
  record.id = EndpointId{*id};
  record.generation = *generation;
  record.mtu = *mtu;
  record.netns_inode = *inode;
  return {};
}

}  // namespace

std::string json_of(const EndpointRecord& record) {
  // Its own text is valid JSON; the parse only nests it.
  const Json attachment = Json::parse(api::json_of(record.attachment), nullptr, false);
  return Json{{"version", kVersion},
              {"port", record.port.value},
              {"id", record.id.value},
              {"generation", record.generation},
              {"mtu", record.mtu},
              {"mac", text_of(record.mac)},
              {"netns_inode", record.netns_inode},
              {"attachment", attachment}}
      .dump();
}

Result<EndpointRecord> read_record(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return fail("not a JSON object");
  const auto version = number<std::uint32_t>(json, "version");
  if (!version) return tl::unexpected(version.error());
  if (*version != kVersion) return fail("version {} is not known here", *version);
  const auto attachment = json.find("attachment");
  if (attachment == json.end()) return fail("attachment: missing");
  auto request = api::read_attachment_request(
      attachment->dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!request) return in_context("attachment", request.error());
  EndpointRecord record;
  record.attachment = std::move(*request);
  if (auto numbers = read_numbers(json, record); !numbers) return tl::unexpected(numbers.error());
  const auto mac_text = json.find("mac");
  if (mac_text == json.end() || !mac_text->is_string()) return fail("mac: must be a string");
  const auto mac = parse_mac(mac_text->get_ref<const std::string&>());
  if (!mac) return tl::unexpected(mac.error());
  record.mac = *mac;
  if (auto checked = check_key(record.key()); !checked) return tl::unexpected(checked.error());
  for (const auto& ip : record.attachment.ips) {
    if (auto parsed = parse_interface_address(ip.address); !parsed) {
      return tl::unexpected(parsed.error());
    }
  }
  return record;
}

Status check_key(const EndpointKey& key) {
  const auto& [container, ifname] = key;
  const bool is_container =
      !container.empty() && container.size() <= 200 &&
      std::ranges::all_of(container, is_name_character) &&
      std::string_view("_.-").find(container.front()) == std::string_view::npos;
  if (!is_container) return fail("'{}' is no container id", container.substr(0, 64));
  const bool is_ifname = !ifname.empty() && ifname.size() <= 15 && ifname != "." &&
                         ifname != ".." && std::ranges::all_of(ifname, is_name_character);
  if (!is_ifname) return fail("'{}' is no interface name", ifname.substr(0, 64));
  return {};
}

// '@' is in neither name, so no two keys meet.
std::string file_name_of(const EndpointKey& key) {
  return fmt::format("{}@{}.json", key.container_id, key.ifname);
}

Result<IpAddress> parse_interface_address(std::string_view text) {
  if (text.find('/') == std::string_view::npos) return IpAddress::parse(text);
  const auto prefix = Prefix::parse(text);
  if (!prefix) return tl::unexpected(prefix.error());
  return IpAddress::parse(text.substr(0, text.find('/')));
}

}  // namespace bulkhead::control::endpoint
