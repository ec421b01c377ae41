// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/api/roles.h"
#include "control/api/service.h"
#include "policy/base/result.h"

namespace bulkhead::control::flowlog {
class AuditLog;
class FlowLog;
}  // namespace bulkhead::control::flowlog

namespace bulkhead::control::api {

struct ServerSettings {
  std::filesystem::path socket;  // made 0660 root:`group`; a dead one of the same name is replaced
  std::string group = "bulkhead";  // skipped when the system has no such group
  std::vector<RoleGrant> roles;

  std::size_t body_limit = 256 * 1024;               // bytes; more is refused with 413
  std::chrono::milliseconds request_deadline{5000};  // to send a whole request
  std::chrono::milliseconds write_deadline{10000};   // to take each piece of an answer
  std::size_t connections = 64;                      // at once, all callers together
  std::size_t connections_per_user = 8;              // at once by one uid other than 0
  std::size_t follow_streams = 16;                   // of `connections`, GET /v1/flows?follow=1

  // Told after each attachment call: verb "ADD", "CHECK" or "DEL", and "ok" or the error's code.
  std::function<void(std::string_view verb, std::string_view code, double seconds)> on_attachment;
};

// The agent's HTTP/1.1 + JSON API on a unix socket (design.md section 7), one request a
// connection. Everything that arrives is hostile until it is parsed; one caller's slowness costs
// only its own connection's thread. Every call is audited, refused ones too.
// Service, FlowLog and AuditLog are borrowed and must outlive the server.
class Server {
 public:
  // Binds and starts to accept on threads of its own. Fails when another live server holds the
  // socket, or the directory is missing.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(Service& service,
                                                             flowlog::FlowLog& flows,
                                                             flowlog::AuditLog& audit,
                                                             ServerSettings settings);
  virtual ~Server() = default;  // ends streams, waits for calls in hand, removes the socket
};

}  // namespace bulkhead::control::api
