// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>

#include "control/api/routes.h"
#include "control/api/server.h"
#include "control/flowlog/audit.h"

// The one door to the HTTP library on the serving side.
namespace bulkhead::control::api {

// One caller's connection: reads one request within the deadlines, answers, audits. Returns when
// the caller is served or has gone, at the latest when `socket` is shut down by another thread.
class Http {
 public:
  Http(const ServerSettings& settings, const Routes& routes, flowlog::AuditLog& audit);
  ~Http();

  void serve(int socket, const Credentials& credentials);
  // Answers 429 and nothing else.
  void turn_away(int socket, const Credentials& credentials);

 private:
  struct Protocol;
  std::unique_ptr<Protocol> protocol_;
};

}  // namespace bulkhead::control::api
