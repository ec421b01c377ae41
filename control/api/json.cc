// SPDX-License-Identifier: Apache-2.0
#include "control/api/json.h"

#include <nlohmann/json.hpp>

namespace bulkhead::control::api {
namespace {

using Json = nlohmann::ordered_json;

std::string one_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json json_from(const std::vector<InterfaceAddress>& ips) {
  Json list = Json::array();
  for (const auto& ip : ips) list.push_back({{"address", ip.address}, {"gateway", ip.gateway}});
  return list;
}

Json json_from(const std::map<std::string, std::string>& labels) {
  Json object = Json::object();
  for (const auto& [key, value] : labels) object[key] = value;
  return object;
}

Json json_from(const LostAttachment& lost) {
  return {{"container_id", lost.container_id}, {"ifname", lost.ifname}, {"network", lost.network}};
}

}  // namespace

std::string json_of(const AttachmentRequest& request) {
  Json json = {{"container_id", request.container_id},
               {"ifname", request.ifname},
               {"netns", request.netns},
               {"pod_namespace", request.pod_namespace},
               {"pod_name", request.pod_name},
               {"pod_uid", request.pod_uid},
               {"ips", json_from(request.ips)},
               {"labels", json_from(request.labels)}};
  if (request.mtu) json["mtu"] = *request.mtu;
  json["timeout_ms"] = request.timeout_ms;
  if (!request.network.empty()) json["network"] = request.network;
  return one_line(json);
}

std::string json_of(const AttachmentReply& reply) {
  return one_line({{"ifname", reply.ifname},
                   {"mac", reply.mac},
                   {"mtu", reply.mtu},
                   {"ips", json_from(reply.ips)},
                   {"gateway_v4", reply.gateway_v4},
                   {"gateway_v6", reply.gateway_v6},
                   {"warnings", reply.warnings}});
}

std::string json_of(const DetachmentRequest& request) {
  return one_line({{"container_id", request.container_id},
                   {"ifname", request.ifname},
                   {"netns", request.netns}});
}

std::string json_of(const DetachmentReply& reply) {
  Json json = Json::object();
  json["was_attached"] = reply.was_attached;
  return one_line(json);
}

std::string json_of(const LostAttachment& lost) { return one_line(json_from(lost)); }

std::string json_of(const std::vector<LostAttachment>& lost) {
  Json list = Json::array();
  for (const auto& attachment : lost) list.push_back(json_from(attachment));
  return one_line(list);
}

std::string json_of(const StatusReport& report) {
  Json errors = Json::array();
  for (const auto& error : report.errors) {
    errors.push_back({{"where", error.where}, {"message", error.message}});
  }
  return one_line({{"version", report.version},
                   {"uptime_seconds", report.uptime_seconds},
                   {"dataplane_connected", report.dataplane_connected},
                   {"dataplane_pid", report.dataplane_pid},
                   {"workers", report.workers},
                   {"io_method", report.io_method},
                   {"io_reason", report.io_reason},
                   {"revision_desired", report.revision_desired},
                   {"revision_verified", report.revision_verified},
                   {"revision_acknowledged", report.revision_acknowledged},
                   {"epoch", report.epoch},
                   {"policies", report.policies},
                   {"endpoints", report.endpoints},
                   {"verified_ratio", report.verified_ratio},
                   {"policy_stale_seconds", report.policy_stale_seconds},
                   {"flows", report.flows},
                   {"flow_capacity", report.flow_capacity},
                   {"default_verdict", report.default_verdict},
                   {"errors", std::move(errors)},
                   {"is_publishing_blocked", report.is_publishing_blocked},
                   {"blocked_reason", report.blocked_reason}});
}

std::string json_of(const std::vector<EndpointReport>& endpoints) {
  Json list = Json::array();
  for (const auto& endpoint : endpoints) {
    list.push_back({{"container_id", endpoint.container_id},
                    {"ifname", endpoint.ifname},
                    {"pod_namespace", endpoint.pod_namespace},
                    {"pod_name", endpoint.pod_name},
                    {"state", endpoint.state},
                    {"mac", endpoint.mac},
                    {"ips", endpoint.ips},
                    {"identities", endpoint.identities},
                    {"labels", json_from(endpoint.labels)},
                    {"port", endpoint.port},
                    {"mtu", endpoint.mtu}});
  }
  return one_line(list);
}

std::string json_of(const std::vector<PolicyReport>& policies) {
  Json list = Json::array();
  for (const auto& policy : policies) {
    list.push_back({{"id", policy.id},
                    {"origin", policy.origin},
                    {"state", policy.state},
                    {"error", policy.error}});
  }
  return one_line(list);
}

std::string json_of(const QuarantineRequest& request) {
  return one_line(
      {{"why", request.why}, {"until", request.until}, {"forensic_peer", request.forensic_peer}});
}

std::string json_of(const ExplainRequest& request) {
  return one_line({{"from", request.from},
                   {"to", request.to},
                   {"protocol", request.protocol},
                   {"port", request.port},
                   {"family", request.family}});
}

std::string json_of(const ApiError& error) {
  Json body = {{"code", error.code}, {"message", error.message}, {"where", error.where}};
  return one_line(Json{{"error", std::move(body)}});
}

}  // namespace bulkhead::control::api
