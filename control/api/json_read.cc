// SPDX-License-Identifier: Apache-2.0
#include <concepts>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "control/api/json.h"

namespace bulkhead::control::api {
namespace {

using Json = nlohmann::json;

constexpr int kDeepest = 64;

// Parses strictly: no exceptions, no repeated keys (two readers could believe different ones), no
// deep nesting.
Result<Json> parse(std::string_view text) {
  std::vector<std::set<std::string>> keys;
  std::string refusal;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kDeepest && refusal.empty()) {
      refusal = fmt::format("nested deeper than {} levels", kDeepest);
    }
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end && !keys.empty()) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.empty()) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys.back().insert(key).second && refusal.empty()) {
        refusal = fmt::format("field '{}' is given twice", key);
      }
    }
    return refusal.empty();
  };
  Json json = Json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
  if (!refusal.empty()) return fail("{}", refusal);
  if (json.is_discarded()) return fail("the body is not valid JSON");
  return json;
}

enum class Need { Optional, Required };

// Reads the fields of one object; the first thing that is wrong is kept, with the field's path.
class Fields {
 public:
  Fields(const Json& json, std::string path, Error& error)
      : json_(json), path_(std::move(path)), error_(error) {
    if (!json_.is_object()) refuse("", "must be an object");
  }

  void read(const char* name, std::string& out, Need need = Need::Optional) {
    const Json* value = find(name, need);
    if (value == nullptr) return;
    if (!value->is_string()) return refuse(name, "must be a string");
    out = value->get<std::string>();
    if (need == Need::Required && out.empty()) refuse(name, "must not be empty");
    // A NUL would end the text early for the kernel and for every C library it is handed to.
    if (out.find('\0') != out.npos) refuse(name, "must not hold a NUL character");
  }

  void read(const char* name, bool& out) {
    const Json* value = find(name, Need::Optional);
    if (value == nullptr) return;
    if (!value->is_boolean()) return refuse(name, "must be true or false");
    out = value->get<bool>();
  }

  void read(const char* name, double& out) {
    const Json* value = find(name, Need::Optional);
    if (value == nullptr) return;
    if (!value->is_number()) return refuse(name, "must be a number");
    out = value->get<double>();
  }

  template <std::integral T>
  void read(const char* name, T& out) {
    const Json* value = find(name, Need::Optional);
    if (value != nullptr) number(name, *value, out);
  }

  template <std::integral T>
  void read(const char* name, std::optional<T>& out) {
    const Json* value = find(name, Need::Optional);
    if (value == nullptr) return;
    out.emplace();
    number(name, *value, *out);
  }

  void read(const char* name, std::map<std::string, std::string>& out) {
    const Json* value = find(name, Need::Optional);
    if (value == nullptr) return;
    if (!value->is_object()) return refuse(name, "must be an object of strings");
    Fields fields(*value, path_to(name), error_);
    for (const auto& [key, unused] : value->items()) fields.read(key.c_str(), out[key]);
  }

  template <class T>
  void read(const char* name, std::vector<T>& out) {
    const Json* value = find(name, Need::Optional);
    if (value == nullptr) return;
    if (!value->is_array()) return refuse(name, "must be a list");
    for (std::size_t i = 0; i < value->size(); ++i) {
      element((*value)[i], fmt::format("{}[{}]", name, i), out.emplace_back());
    }
  }

 private:
  const Json* find(const char* name, Need need) {
    if (!json_.is_object()) return nullptr;
    const auto found = json_.find(name);
    const bool is_there = found != json_.end() && !found->is_null();
    if (!is_there && need == Need::Required) refuse(name, "is required");
    return is_there ? &*found : nullptr;
  }

  template <class T>
  void number(const std::string& name, const Json& value, T& out) {
    const auto out_of_range = [&] {
      refuse(name, fmt::format("must be a whole number from {} to {}",
                               std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
    };
    if (value.is_number_unsigned()) {
      const auto number = value.get<std::uint64_t>();
      if (!std::in_range<T>(number)) return out_of_range();
      out = static_cast<T>(number);
    } else if (value.is_number_integer()) {
      const auto number = value.get<std::int64_t>();
      if (!std::in_range<T>(number)) return out_of_range();
      out = static_cast<T>(number);
    } else {
      out_of_range();
    }
  }

  void element(const Json& value, const std::string& name, std::string& out) {
    if (!value.is_string()) return refuse(name, "must be a string");
    out = value.get<std::string>();
  }
  void element(const Json& value, const std::string& name, std::uint32_t& out) {
    number(name, value, out);
  }
  void element(const Json& value, const std::string& name, InterfaceAddress& out) {
    Fields fields(value, path_to(name), error_);
    fields.read("address", out.address, Need::Required);
    fields.read("gateway", out.gateway);
  }
  void element(const Json& value, const std::string& name, FileError& out) {
    Fields fields(value, path_to(name), error_);
    fields.read("where", out.where);
    fields.read("message", out.message);
  }

  [[nodiscard]] std::string path_to(const std::string& name) const {
    if (path_.empty() || name.empty()) return path_ + name;
    return path_ + "." + name;
  }
  void refuse(const std::string& name, std::string message) {
    if (error_.message.empty()) error_ = Error{std::move(message), path_to(name)};
  }

  const Json& json_;
  std::string path_;
  Error& error_;
};

// `describe(fields, value)` reads every field of one body.
template <class T>
Result<T> read_object(const Json& json, const std::string& path, auto describe) {
  T value;
  Error error;
  Fields fields(json, path, error);
  describe(fields, value);
  if (!error.message.empty()) return tl::unexpected(std::move(error));
  return value;
}

template <class T>
Result<T> read(std::string_view text, auto describe) {
  const auto json = parse(text);
  if (!json) return tl::unexpected(json.error());
  return read_object<T>(*json, "", describe);
}

template <class T>
Result<std::vector<T>> read_list(std::string_view text, auto describe) {
  const auto json = parse(text);
  if (!json) return tl::unexpected(json.error());
  if (!json->is_array()) return fail("the body must be a list");
  std::vector<T> list;
  for (std::size_t i = 0; i < json->size(); ++i) {
    auto value = read_object<T>((*json)[i], fmt::format("[{}]", i), describe);
    if (!value) return tl::unexpected(value.error());
    list.push_back(std::move(*value));
  }
  return list;
}

void lost_fields(Fields& fields, LostAttachment& lost) {
  fields.read("container_id", lost.container_id, Need::Required);
  fields.read("ifname", lost.ifname, Need::Required);
  fields.read("network", lost.network, Need::Required);
}

}  // namespace

Result<AttachmentRequest> read_attachment_request(std::string_view text) {
  return read<AttachmentRequest>(text, [](Fields& fields, AttachmentRequest& request) {
    // The container and the interface are named by the path; a body may repeat them.
    fields.read("container_id", request.container_id);
    fields.read("ifname", request.ifname);
    fields.read("netns", request.netns, Need::Required);
    fields.read("pod_namespace", request.pod_namespace, Need::Required);
    fields.read("pod_name", request.pod_name, Need::Required);
    fields.read("pod_uid", request.pod_uid);
    fields.read("ips", request.ips);
    fields.read("labels", request.labels);
    fields.read("mtu", request.mtu);
    fields.read("timeout_ms", request.timeout_ms);
    fields.read("network", request.network);
  });
}

Result<AttachmentReply> read_attachment_reply(std::string_view text) {
  return read<AttachmentReply>(text, [](Fields& fields, AttachmentReply& reply) {
    fields.read("ifname", reply.ifname, Need::Required);
    fields.read("mac", reply.mac);
    fields.read("mtu", reply.mtu);
    fields.read("ips", reply.ips);
    fields.read("gateway_v4", reply.gateway_v4);
    fields.read("gateway_v6", reply.gateway_v6);
    fields.read("warnings", reply.warnings);
  });
}

Result<DetachmentRequest> read_detachment_request(std::string_view text) {
  return read<DetachmentRequest>(text, [](Fields& fields, DetachmentRequest& request) {
    fields.read("container_id", request.container_id);
    fields.read("ifname", request.ifname);
    fields.read("netns", request.netns);
  });
}

Result<DetachmentReply> read_detachment_reply(std::string_view text) {
  return read<DetachmentReply>(text, [](Fields& fields, DetachmentReply& reply) {
    fields.read("was_attached", reply.was_attached);
  });
}

Result<LostAttachment> read_lost_attachment(std::string_view text) {
  return read<LostAttachment>(text, lost_fields);
}

Result<std::vector<LostAttachment>> read_lost_attachments(std::string_view text) {
  return read_list<LostAttachment>(text, lost_fields);
}

Result<StatusReport> read_status(std::string_view text) {
  return read<StatusReport>(text, [](Fields& fields, StatusReport& report) {
    fields.read("version", report.version);
    fields.read("uptime_seconds", report.uptime_seconds);
    fields.read("dataplane_connected", report.dataplane_connected);
    fields.read("dataplane_pid", report.dataplane_pid);
    fields.read("workers", report.workers);
    fields.read("io_method", report.io_method);
    fields.read("io_reason", report.io_reason);
    fields.read("revision_desired", report.revision_desired);
    fields.read("revision_verified", report.revision_verified);
    fields.read("revision_acknowledged", report.revision_acknowledged);
    fields.read("epoch", report.epoch);
    fields.read("policies", report.policies);
    fields.read("endpoints", report.endpoints);
    fields.read("verified_ratio", report.verified_ratio);
    fields.read("policy_stale_seconds", report.policy_stale_seconds);
    fields.read("flows", report.flows);
    fields.read("flow_capacity", report.flow_capacity);
    fields.read("default_verdict", report.default_verdict);
    fields.read("errors", report.errors);
    fields.read("is_publishing_blocked", report.is_publishing_blocked);
    fields.read("blocked_reason", report.blocked_reason);
  });
}

Result<std::vector<EndpointReport>> read_endpoints(std::string_view text) {
  return read_list<EndpointReport>(text, [](Fields& fields, EndpointReport& endpoint) {
    fields.read("container_id", endpoint.container_id);
    fields.read("ifname", endpoint.ifname);
    fields.read("pod_namespace", endpoint.pod_namespace);
    fields.read("pod_name", endpoint.pod_name);
    fields.read("state", endpoint.state);
    fields.read("mac", endpoint.mac);
    fields.read("ips", endpoint.ips);
    fields.read("identities", endpoint.identities);
    fields.read("labels", endpoint.labels);
    fields.read("port", endpoint.port);
    fields.read("mtu", endpoint.mtu);
  });
}

Result<std::vector<PolicyReport>> read_policies(std::string_view text) {
  return read_list<PolicyReport>(text, [](Fields& fields, PolicyReport& policy) {
    fields.read("id", policy.id);
    fields.read("origin", policy.origin);
    fields.read("state", policy.state);
    fields.read("error", policy.error);
  });
}

Result<QuarantineRequest> read_quarantine_request(std::string_view text) {
  return read<QuarantineRequest>(text, [](Fields& fields, QuarantineRequest& request) {
    fields.read("why", request.why);
    fields.read("until", request.until);
    fields.read("forensic_peer", request.forensic_peer);
  });
}

Result<ExplainRequest> read_explain_request(std::string_view text) {
  return read<ExplainRequest>(text, [](Fields& fields, ExplainRequest& request) {
    fields.read("from", request.from, Need::Required);
    fields.read("to", request.to, Need::Required);
    fields.read("protocol", request.protocol);
    fields.read("port", request.port);
    fields.read("family", request.family);
  });
}

Result<ApiError> read_error(std::string_view text) {
  const auto json = parse(text);
  if (!json) return tl::unexpected(json.error());
  const auto error = json->is_object() ? json->find("error") : json->end();
  if (error == json->end()) return fail_at("error", "is required");
  return read_object<ApiError>(*error, "error", [](Fields& fields, ApiError& read) {
    fields.read("code", read.code, Need::Required);
    fields.read("message", read.message);
    fields.read("where", read.where);
  });
}

}  // namespace bulkhead::control::api
