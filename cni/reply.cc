// SPDX-License-Identifier: Apache-2.0
#include "cni/reply.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace bulkhead::cni {
namespace {

using Json = nlohmann::ordered_json;

std::string compact(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string_view spoken(std::string_view version) {
  return is_supported(version) ? version : kVersions.back();
}

Json addresses_of(const Request& request, const Lease& lease,
                  const control::api::AttachmentReply& attached) {
  Json ips = Json::array();
  for (const auto& address : lease.addresses) {
    const bool is_v4 = address.ip.family == Family::V4;
    Json ip = Json::object();
    // 1.0.0 dropped the field: the address says it.
    if (request.configuration.version != "1.0.0") ip["version"] = is_v4 ? "4" : "6";
    ip["address"] = address.text;
    ip["gateway"] = is_v4 ? attached.gateway_v4 : attached.gateway_v6;
    ip["interface"] = 0;
    ips.push_back(std::move(ip));
  }
  return ips;
}

Json routes_of(const Lease& lease, const control::api::AttachmentReply& attached) {
  Json routes = Json::array();
  const auto add = [&](const std::string& destination, Family family) {
    routes.push_back({{"dst", destination},
                      {"gw", family == Family::V4 ? attached.gateway_v4 : attached.gateway_v6}});
  };
  const auto has = [&lease](Family family) {
    return std::ranges::any_of(lease.addresses, [family](const Lease::Address& address) {
      return address.ip.family == family;
    });
  };
  for (const auto& route : lease.routes) {
    if (has(route.family())) add(route.text(), route.family());
  }
  if (!routes.empty()) return routes;
  if (has(Family::V4)) add("0.0.0.0/0", Family::V4);
  if (has(Family::V6)) add("::/0", Family::V6);
  return routes;
}

}  // namespace

std::string result_json(const Request& request, const Lease& lease,
                        const control::api::AttachmentReply& attached) {
  const std::string& dns =
      request.configuration.dns.empty() ? lease.dns : request.configuration.dns;
  const Json interface {
    {"name", request.ifname}, {"mac", attached.mac}, { "sandbox", request.netns }
  };
  return compact({{"cniVersion", request.configuration.version},
                  {"interfaces", Json::array({interface})},
                  {"ips", addresses_of(request, lease, attached)},
                  {"routes", routes_of(lease, attached)},
                  {"dns", dns.empty() ? Json::object() : Json::parse(dns, nullptr, false)}});
}

std::string error_json(std::string_view version, const CniError& error) {
  Json json{{"cniVersion", spoken(version)},
            {"code", static_cast<unsigned>(error.code)},
            {"msg", error.message}};
  if (!error.details.empty()) json["details"] = error.details;
  return compact(json);
}

std::string version_json(std::string_view version) {
  return compact({{"cniVersion", spoken(version)}, {"supportedVersions", kVersions}});
}

}  // namespace bulkhead::cni
