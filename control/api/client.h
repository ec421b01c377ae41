// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "control/api/service.h"
#include "control/api/types.h"

namespace bulkhead::control::api {

// Talks to the agent over its unix socket: one connection a call, each call bounded by a deadline
// for the whole of it. Used by the CLI and by the CNI plugin, therefore without an HTTP library.
//
// Errors: what the agent answered, or, with status 0, code "agent_unreachable" (socket absent,
// refused, not permitted: `message` names the socket and the mend), "timeout" or "bad_reply".
// Thread: any; no shared state.
class Client {
 public:
  explicit Client(std::filesystem::path socket,
                  std::chrono::milliseconds deadline = std::chrono::seconds(15));

  [[nodiscard]] Reply<AttachmentReply> attach(const AttachmentRequest& request) const;
  [[nodiscard]] Reply<AttachmentReply> attachment(const std::string& container,
                                                  const std::string& ifname) const;
  [[nodiscard]] Reply<DetachmentReply> detach(const DetachmentRequest& request) const;
  [[nodiscard]] Reply<std::vector<LostAttachment>> lost_attachments(
      const std::string& network) const;

  [[nodiscard]] Reply<StatusReport> status() const;
  [[nodiscard]] Reply<std::vector<EndpointReport>> endpoints() const;
  [[nodiscard]] Reply<std::vector<PolicyReport>> policies() const;
  [[nodiscard]] Reply<void> quarantine(const std::string& pod_namespace, const std::string& pod,
                                       const QuarantineRequest& request) const;
  [[nodiscard]] Reply<void> release(const std::string& pod_namespace, const std::string& pod) const;
  [[nodiscard]] Reply<std::string> explain(const ExplainRequest& request) const;

  // Any call: the body of a 2xx answer. `target` is path and query, already escaped.
  [[nodiscard]] Reply<std::string> call(std::string_view method, std::string_view target,
                                        std::string_view body = {}) const;

  // One line of JSON at a time, until the stream ends or `line` answers false. The deadline bounds
  // connecting and the answer's head; a stream that follows may be silent for ever.
  [[nodiscard]] Reply<void> stream(std::string_view target,
                                   const std::function<bool(std::string_view line)>& line) const;

 private:
  std::filesystem::path socket_;
  std::chrono::milliseconds deadline_;
};

// Percent-encodes everything but unreserved characters (RFC 3986), '/' included.
[[nodiscard]] std::string escape_segment(std::string_view text);

}  // namespace bulkhead::control::api
