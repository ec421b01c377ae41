// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

// The bodies of the agent's HTTP/JSON API, shared by the server, the CNI plugin and the CLI. JSON
// names are the field names; readers ignore unknown fields, so that versions may differ.
// Conversions are in json.h (the one door to nlohmann-json for these types).
namespace bulkhead::control::api {

// {"error": {...}} of every refusal.
struct ApiError {
  int status = 500;  // HTTP status, not part of the body
  std::string code;  // stable, snake_case: "bad_request", "not_found", "dataplane_unavailable", ...
  std::string message;  // one line: what is wrong and what would be right
  std::string where;    // field, file:line:col or object; may be empty
};

struct InterfaceAddress {
  std::string address;  // "10.88.0.5/24", as IPAM gave it
  std::string gateway;  // may be empty
};

// PUT /v1/attachments/{container}/{ifname}. Idempotent: repeating it for the same container, ifname
// and namespace inode answers with the existing port.
struct AttachmentRequest {
  std::string container_id;
  std::string ifname;
  std::string netns;  // path
  std::string pod_namespace;
  std::string pod_name;
  std::string pod_uid;  // may be empty
  std::vector<InterfaceAddress> ips;
  std::map<std::string, std::string> labels;  // args.cni.labels; the inventory's win
  std::optional<std::uint32_t> mtu;
  int timeout_ms = 10000;    // how long ADD may wait for the data plane's acknowledgement
  std::string network = {};  // the CNI configuration's name; may be empty
};

struct AttachmentReply {
  std::string ifname;
  std::string mac;
  std::uint32_t mtu = 0;
  std::vector<InterfaceAddress> ips;
  std::string gateway_v4;  // "169.254.1.1" when there is an IPv4 address
  std::string gateway_v6;  // "fe80::1" when there is an IPv6 address
  std::vector<std::string> warnings;
};

// DELETE /v1/attachments/{container}/{ifname}: succeeds for the unknown.
struct DetachmentRequest {
  std::string container_id;
  std::string ifname;
  std::string netns;  // may be empty
};
struct DetachmentReply {
  bool was_attached = false;
};

// GET /v1/attachments?lost=1&network=NAME, one entry each: an attachment whose namespace ended
// without a DEL, so that nobody gave its addresses back to IPAM. DELETE of it confirms that
// somebody has.
struct LostAttachment {
  std::string container_id;
  std::string ifname;
  std::string network;
};

// GET /v1/endpoints, one entry each.
struct EndpointReport {
  std::string container_id;
  std::string ifname;
  std::string pod_namespace;
  std::string pod_name;
  std::string state;  // "ready", "wiring", "quarantined", "closed"
  std::string mac;
  std::vector<std::string> ips;
  std::vector<std::uint32_t> identities;  // by position of `ips`
  std::map<std::string, std::string> labels;
  std::uint32_t port = 0;
  std::uint32_t mtu = 0;
};

// GET /v1/policies, one entry each.
struct PolicyReport {
  std::string id;      // "NetworkPolicy/db/web"
  std::string origin;  // file:line:col or object
  std::string state;   // "in_force", "last_accepted" (the file is broken now)
  std::string error;   // why last_accepted
};

struct FileError {
  std::string where;
  std::string message;
};

// GET /v1/status
struct StatusReport {
  std::string version;
  std::uint64_t uptime_seconds = 0;
  bool dataplane_connected = false;
  std::uint32_t dataplane_pid = 0;
  std::uint32_t workers = 0;
  std::string io_method;
  std::string io_reason;
  std::uint64_t revision_desired = 0;       // compiled
  std::uint64_t revision_verified = 0;      // checked by the oracle
  std::uint64_t revision_acknowledged = 0;  // in force in every worker
  std::uint32_t epoch = 0;
  std::uint64_t policies = 0;
  std::uint64_t endpoints = 0;
  double verified_ratio = 0;
  double policy_stale_seconds =
      0;  // how long the table in force has been older than the wished one
  std::uint64_t flows = 0;
  std::uint64_t flow_capacity = 0;
  std::string default_verdict;
  std::vector<FileError> errors;  // broken files now, oldest first
  bool is_publishing_blocked = false;
  std::string blocked_reason;
};

// PUT /v1/quarantine/{ns}/{pod}
struct QuarantineRequest {
  std::string why;
  std::string until;          // RFC 3339, may be empty
  std::string forensic_peer;  // IP or CIDR, may be empty
};

// POST /v1/explain
struct ExplainRequest {
  std::string from;  // "ns/pod" or an address
  std::string to;
  std::string protocol = "TCP";
  std::uint16_t port = 0;
  std::string family;  // "", "4" or "6"
};

}  // namespace bulkhead::control::api
