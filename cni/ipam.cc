// SPDX-License-Identifier: Apache-2.0
#include "cni/ipam.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cni/execute.h"

namespace bulkhead::cni {
namespace {

using Json = nlohmann::json;

constexpr std::chrono::seconds kDeadline{30};

Outcome<std::filesystem::path> find_plugin(const Request& request) {
  const std::string& type = request.configuration.ipam_type;
  for (const auto& folder : request.plugin_folders) {
    if (::access((folder / type).c_str(), X_OK) == 0) return folder / type;
  }
  return refuse(Code::IpamFailed, "the IPAM plugin '{}' is in no folder of CNI_PATH", type);
}

std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// A plugin's error object, or what can be said about an answer that is none.
CniError error_of(const std::string& type, const Execution& execution) {
  const Json json = Json::parse(execution.output, nullptr, false);
  const auto code = json.is_object() ? json.find("code") : json.end();
  if (!json.is_object() || code == json.end() || !code->is_number_unsigned()) {
    return {Code::IpamFailed,
            fmt::format("{} failed with exit code {} and no CNI error", type, execution.exit_code),
            {}};
  }
  return {static_cast<Code>(code->get<unsigned>()),
          fmt::format("{}: {}", type, text_at(json, "msg")), text_at(json, "details")};
}

Outcome<std::string> call(const Request& request, const char* command) {
  const auto plugin = find_plugin(request);
  if (!plugin) return tl::unexpected(plugin.error());
  const std::string& type = request.configuration.ipam_type;
  Environment environment = request.environment;
  environment["CNI_COMMAND"] = command;
  CniError refusal;
  const auto ours = std::ranges::find(kVersions, request.configuration.version);
  for (auto version = ours + 1; version != kVersions.begin();) {
    --version;
    const auto execution =
        execute(*plugin, environment, with_version(request.configuration, *version), kDeadline);
    if (!execution) {
      return refuse(Code::IpamFailed, "{}: {}", type, execution.error().text());
    }
    if (execution->exit_code == 0) return execution->output;
    refusal = error_of(type, *execution);
    if (refusal.code != Code::IncompatibleVersion) break;
  }
  return tl::unexpected(refusal);
}

Outcome<Lease::Address> address_of(const Json& item) {
  const std::string text = text_at(item, "address");
  const auto prefix = Prefix::parse(text);
  const auto ip = IpAddress::parse(std::string_view(text).substr(0, text.find('/')));
  if (!prefix || !ip) return refuse(Code::IpamFailed, "'{}' is no address with a length", text);
  return Lease::Address{*ip, text, text_at(item, "gateway")};
}

}  // namespace

Outcome<Lease> parse_lease(std::string_view answer) {
  const Json json = Json::parse(answer, nullptr, false);
  if (!json.is_object()) return refuse(Code::IpamFailed, "its answer is no JSON object");
  Lease lease;
  const auto ips = json.find("ips");
  if (ips == json.end() || !ips->is_array() || ips->empty()) {
    return refuse(Code::IpamFailed, "its answer holds no address");
  }
  for (const auto& item : *ips) {
    auto address = item.is_object() ? address_of(item)
                                    : refuse(Code::IpamFailed, "its 'ips' must hold objects");
    if (!address) return tl::unexpected(address.error());
    lease.addresses.push_back(std::move(*address));
  }
  const auto routes = json.find("routes");
  if (routes != json.end() && routes->is_array()) {
    for (const auto& item : *routes) {
      const std::string text = item.is_object() ? text_at(item, "dst") : "";
      const auto destination = Prefix::parse(text);
      if (!destination) return refuse(Code::IpamFailed, "its route '{}' is no CIDR block", text);
      lease.routes.push_back(destination->prefix);
    }
  }
  const auto dns = json.find("dns");
  if (dns != json.end() && dns->is_object() && !dns->empty()) {
    lease.dns = dns->dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  return lease;
}

Outcome<Lease> lease(const Request& request) {
  const auto answer = call(request, "ADD");
  if (!answer) return tl::unexpected(answer.error());
  auto parsed = parse_lease(*answer);
  if (parsed) return parsed;
  // What it leased is unreadable, so it goes back whole.
  (void)release(request);
  parsed.error().message = request.configuration.ipam_type + ": " + parsed.error().message;
  return parsed;
}

tl::expected<void, CniError> release(const Request& request) {
  return call(request, "DEL").map([](const std::string&) {});
}

tl::expected<void, CniError> check_lease(const Request& request) {
  return call(request, "CHECK").map([](const std::string&) {});
}

}  // namespace bulkhead::cni
