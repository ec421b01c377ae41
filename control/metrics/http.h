// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "control/metrics/collector.h"
#include "policy/base/result.h"

namespace bulkhead::control::metrics {

// Serves /metrics, /healthz and /readyz on `listen` ("127.0.0.1:9470", "[::1]:9470"; port 0 picks a
// free one). Borrowed references must outlive it. Threads of its own.
class HttpServer {
 public:
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> start(const std::string& listen,
                                                                 const Source& source,
                                                                 const Collector& collector);
  virtual ~HttpServer() = default;  // stops accepting, waits for scrapes in hand
  [[nodiscard]] virtual std::uint16_t port() const = 0;
};

}  // namespace bulkhead::control::metrics
