// SPDX-License-Identifier: Apache-2.0
#include "control/api/routes.h"

#include <algorithm>
#include <chrono>

#include "control/api/json.h"
#include "control/api/names.h"
#include "policy/base/ip.h"

namespace bulkhead::control::api {
namespace {

constexpr int kLongestAttachMs = 60'000;

Answer success(std::string body) { return {200, std::move(body), {}, nullptr}; }

Answer forbidden(const Caller& caller, std::string_view what) {
  return refuse(403, "forbidden",
                fmt::format("uid {} has the role '{}', which may not {}; roles are given in the "
                            "agent's config.yaml under 'roles'",
                            caller.credentials().uid, name_of(caller.role()), what));
}

Answer bad_request(const Error& error) {
  return refuse(400, "bad_request", error.message, error.where);
}

Answer bad_method(const Call& call, std::string_view allowed) {
  return refuse(405, "method_not_allowed",
                fmt::format("this resource knows {}, not {}", allowed, call.method));
}

// A pod name as the caller wrote it: "ns/name" has a namespace, an address has none.
std::string_view namespace_of(std::string_view party) {
  const auto slash = party.find('/');
  return slash == party.npos ? std::string_view{} : party.substr(0, slash);
}

// The first query parameter that this resource does not know, or nothing: a misspelt filter would
// show more than was asked for.
std::optional<Answer> unknown_query(const Call& call,
                                    std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : call.query) {
    if (std::ranges::find(known, name) == known.end()) {
      return refuse(400, "bad_request", "unknown query parameter", name);
    }
  }
  return std::nullopt;
}

// RFC 3339 with seconds: "2026-01-31T18:00:00Z", "...+01:00"; a fraction is accepted.
bool is_time(const std::string& text) {
  static constexpr std::string_view kShape = "0000-00-00T00:00:00";
  if (text.size() <= kShape.size() || text.size() > 40) return false;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] == '0' ? !is_digit(text[i]) : text[i] != kShape[i]) return false;
  }
  std::size_t at = kShape.size();
  if (text[at] == '.') {
    while (++at < text.size() && is_digit(text[at])) {
    }
  }
  const auto zone = text.substr(at);
  if (zone == "Z") return true;
  return zone.size() == 6 && (zone[0] == '+' || zone[0] == '-') && is_digit(zone[1]) &&
         is_digit(zone[2]) && zone[3] == ':' && is_digit(zone[4]) && is_digit(zone[5]);
}

template <class T>
Answer answer_of(const Reply<T>& reply) {
  if (!reply) return refuse(reply.error());
  if constexpr (std::is_void_v<T>) {
    return success("{}");
  } else {
    return success(json_of(*reply));
  }
}

Result<AttachmentRequest> attachment_request(const Call& call) {
  auto request = read_attachment_request(call.body);
  if (!request) return request;
  const auto& container = call.segments[2];
  const auto& ifname = call.segments[3];
  if (!request->container_id.empty() && request->container_id != container) {
    return fail_at("container_id", "differs from the one in the path");
  }
  if (!request->ifname.empty() && request->ifname != ifname) {
    return fail_at("ifname", "differs from the one in the path");
  }
  request->container_id = container;
  request->ifname = ifname;
  if (!request->netns.starts_with('/')) return fail_at("netns", "must be an absolute path");
  if (!is_namespace_name(request->pod_namespace)) {
    return fail_at("pod_namespace", "must be a namespace name (lower case, digits and '-')");
  }
  if (!is_pod_name(request->pod_name)) {
    return fail_at("pod_name", "must be a pod name (lower case, digits, '-' and '.')");
  }
  if (request->ips.empty()) return fail_at("ips", "must hold at least one address");
  for (std::size_t i = 0; i < request->ips.size(); ++i) {
    const auto& ip = request->ips[i];
    if (const auto parsed = Prefix::parse(ip.address); !parsed) {
      return fail_at(fmt::format("ips[{}].address", i), "{}", parsed.error().message);
    }
    if (const auto parsed = IpAddress::parse(ip.gateway); !ip.gateway.empty() && !parsed) {
      return fail_at(fmt::format("ips[{}].gateway", i), "{}", parsed.error().message);
    }
  }
  if (!request->network.empty() && !is_network_name(request->network)) {
    return fail_at("network", "must be the name of a CNI network");
  }
  if (request->timeout_ms < 1 || request->timeout_ms > kLongestAttachMs) {
    return fail_at("timeout_ms", "must be from 1 to {}", kLongestAttachMs);
  }
  return request;
}

}  // namespace

Answer refuse(const ApiError& error) {
  const int status = error.status >= 400 && error.status <= 599 ? error.status : 500;
  return {status, json_of(error), error.code.empty() ? "internal" : error.code, nullptr};
}

Answer refuse(int status, std::string code, std::string message, std::string where) {
  return refuse(ApiError{status, std::move(code), std::move(message), std::move(where)});
}

Routes::Routes(Service& service, flowlog::FlowLog& flows, AttachmentObserver on_attachment)
    : service_(service), flows_(flows), on_attachment_(std::move(on_attachment)) {}

Answer Routes::answer(const Call& call, const Caller& caller) const {
  const auto& path = call.segments;
  if (path.size() < 2 || path[0] != "v1") {
    return refuse(404, "not_found", "no such resource; the API is below /v1/");
  }
  const std::string& resource = path[1];
  if (resource == "attachments" && path.size() == 4) return attachment(call, caller);
  if (resource == "quarantine" && path.size() == 4) return quarantine(call, caller);
  if (path.size() != 2) return refuse(404, "not_found", "no such resource");
  if (resource == "explain") {
    return call.method == "POST" ? explain(call, caller) : bad_method(call, "POST");
  }
  const bool is_read = resource == "status" || resource == "endpoints" || resource == "policies" ||
                       resource == "flows" || resource == "attachments";
  if (!is_read) return refuse(404, "not_found", "no such resource");
  if (call.method != "GET") return bad_method(call, "GET");
  if (resource == "flows") return flows(call, caller);
  if (resource == "attachments") return lost_attachments(call, caller);
  if (auto unknown = unknown_query(call, {})) return *unknown;
  if (resource == "status") return status(caller);
  if (resource == "endpoints") return endpoints(caller);
  return policies(caller);
}

Answer Routes::status(const Caller& caller) const {
  if (!caller.may(Action::ReadStatus)) return forbidden(caller, "read the status");
  StatusReport report = service_.status();
  // Error texts quote other people's policy files.
  if (!caller.sees_everything()) report.errors.clear();
  return success(json_of(report));
}

Answer Routes::endpoints(const Caller& caller) const {
  if (!caller.may(Action::ReadEndpoints)) return forbidden(caller, "list endpoints");
  auto reports = service_.endpoints();
  std::erase_if(reports, [&](const auto& report) { return !caller.sees(report.pod_namespace); });
  return success(json_of(reports));
}

Answer Routes::policies(const Caller& caller) const {
  if (!caller.may(Action::ReadPolicies)) return forbidden(caller, "list policies");
  auto reports = service_.policies();
  // "Kind/namespace/name"; cluster-wide kinds have two parts and concern everyone.
  std::erase_if(reports, [&](const PolicyReport& report) {
    const auto first = report.id.find('/');
    const auto second = first == report.id.npos ? report.id.npos : report.id.find('/', first + 1);
    if (second == report.id.npos) return false;
    return !caller.sees(std::string_view(report.id).substr(first + 1, second - first - 1));
  });
  return success(json_of(reports));
}

Answer Routes::flows(const Call& call, const Caller& caller) const {
  if (!caller.may(Action::ReadFlows)) return forbidden(caller, "read flows");
  if (auto unknown = unknown_query(call, {"follow", "verdict", "namespace"})) return *unknown;
  const auto value = [&](const char* name) {
    const auto found = call.query.find(name);
    return found == call.query.end() ? std::string() : found->second;
  };
  flowlog::Filter filter;
  const auto verdict = value("verdict");
  if (verdict == "allow") filter.verdict = Verdict::Allow;
  if (verdict == "deny") filter.verdict = Verdict::Deny;
  if (!verdict.empty() && !filter.verdict) {
    return refuse(400, "bad_request", "must be allow or deny", "verdict");
  }
  if (const auto name = value("namespace"); !name.empty()) {
    if (!is_namespace_name(name)) return refuse(400, "bad_request", "not a namespace", "namespace");
    if (!caller.sees(name)) return forbidden(caller, "read flows of this namespace");
    filter.namespace_name = name;
  }
  if (!caller.sees_everything()) filter.visible = caller.namespaces();
  const auto follow = value("follow");
  if (follow != "" && follow != "0" && follow != "1") {
    return refuse(400, "bad_request", "must be 0 or 1", "follow");
  }
  if (follow == "1") return {200, {}, {}, flows_.subscribe(std::move(filter))};
  std::string lines;
  for (const auto& record : flows_.recent(filter)) lines += flowlog::json_of(*record) + "\n";
  return success(std::move(lines));
}

Answer Routes::attachment(const Call& call, const Caller& caller) const {
  const auto& container = call.segments[2];
  const auto& ifname = call.segments[3];
  const bool is_put = call.method == "PUT";
  const bool is_get = call.method == "GET";
  if (!is_put && !is_get && call.method != "DELETE") return bad_method(call, "PUT, GET and DELETE");
  const Action action = is_put ? Action::Attach : is_get ? Action::ReadAttachment : Action::Detach;
  if (!caller.may(action)) return forbidden(caller, "attach or detach pods");
  if (!is_container_id(container)) {
    return refuse(400, "bad_request", "not a container id (letters, digits, '_', '.', '-')",
                  "container");
  }
  if (!is_interface_name(ifname)) {
    return refuse(400, "bad_request", "not an interface name (1 to 15 characters)", "ifname");
  }

  const auto started = std::chrono::steady_clock::now();
  const auto answer = [&]() -> Answer {
    if (is_get) return answer_of(service_.attachment(container, ifname));
    if (is_put) {
      const auto request = attachment_request(call);
      return request ? answer_of(service_.attach(*request)) : bad_request(request.error());
    }
    DetachmentRequest request{container, ifname, {}};
    if (!call.body.empty()) {
      const auto body = read_detachment_request(call.body);
      if (!body) return bad_request(body.error());
      if (!body->netns.empty() && !body->netns.starts_with('/')) {
        return refuse(400, "bad_request", "must be an absolute path", "netns");
      }
      request.netns = body->netns;
    }
    return answer_of(service_.detach(request));
  }();
  if (on_attachment_) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    on_attachment_(is_put   ? "ADD"
                   : is_get ? "CHECK"
                            : "DEL",
                   answer.error_code.empty() ? "ok" : answer.error_code, took.count());
  }
  return answer;
}

// For whoever gives addresses back to IPAM, which is the plugin: admin, as to attach.
Answer Routes::lost_attachments(const Call& call, const Caller& caller) const {
  if (!caller.may(Action::Detach)) return forbidden(caller, "list lost attachments");
  if (auto unknown = unknown_query(call, {"lost", "network"})) return *unknown;
  const auto lost = call.query.find("lost");
  if (lost == call.query.end() || lost->second != "1") {
    return refuse(400, "bad_request", "must be 1: attached pods are listed in /v1/endpoints",
                  "lost");
  }
  const auto network = call.query.find("network");
  if (network == call.query.end() || !is_network_name(network->second)) {
    return refuse(400, "bad_request", "must be the name of a CNI network", "network");
  }
  return success(json_of(service_.lost_attachments(network->second)));
}

Answer Routes::quarantine(const Call& call, const Caller& caller) const {
  const auto& pod_namespace = call.segments[2];
  const auto& pod = call.segments[3];
  if (call.method != "PUT" && call.method != "DELETE") return bad_method(call, "PUT and DELETE");
  if (!caller.may(Action::Quarantine)) return forbidden(caller, "quarantine or release pods");
  if (!is_namespace_name(pod_namespace)) {
    return refuse(400, "bad_request", "not a namespace name", "namespace");
  }
  if (!is_pod_name(pod)) return refuse(400, "bad_request", "not a pod name", "pod");
  if (call.method == "DELETE") return answer_of(service_.release(pod_namespace, pod));

  const auto request = read_quarantine_request(call.body.empty() ? "{}" : call.body);
  if (!request) return bad_request(request.error());
  if (!request->forensic_peer.empty() && !IpAddress::parse(request->forensic_peer) &&
      !Prefix::parse(request->forensic_peer)) {
    return refuse(400, "bad_request", "must be an address or a CIDR block", "forensic_peer");
  }
  if (!request->until.empty() && !is_time(request->until)) {
    return refuse(400, "bad_request", "must be a time such as 2026-01-31T18:00:00Z", "until");
  }
  const auto who = fmt::format("uid {}", caller.credentials().uid);
  return answer_of(service_.quarantine(pod_namespace, pod, *request, who));
}

Answer Routes::explain(const Call& call, const Caller& caller) const {
  if (!caller.may(Action::Explain)) return forbidden(caller, "ask for explanations");
  const auto request = read_explain_request(call.body);
  if (!request) return bad_request(request.error());
  if (!caller.sees(namespace_of(request->from)) && !caller.sees(namespace_of(request->to))) {
    return forbidden(caller, "ask about pods of other namespaces");
  }
  auto reply = service_.explain(*request);
  return reply ? success(std::move(*reply)) : refuse(reply.error());
}

}  // namespace bulkhead::control::api
