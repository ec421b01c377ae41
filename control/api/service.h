// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/api/types.h"

namespace bulkhead::control::api {

template <class T>
using Reply = tl::expected<T, ApiError>;

// What the HTTP server asks of the agent. Implemented by the agent (control/main.cc's Agent), faked
// in the server's tests: a process edge. Thread: any HTTP worker; the implementation synchronises.
class Service {
 public:
  virtual ~Service() = default;

  virtual StatusReport status() = 0;
  virtual std::vector<EndpointReport> endpoints() = 0;
  virtual std::vector<PolicyReport> policies() = 0;

  // Returns only when every worker knows the endpoint, closed by default, and a table that knows
  // its identity is in force (law 9); else nothing is left behind.
  virtual Reply<AttachmentReply> attach(const AttachmentRequest& request) = 0;
  virtual Reply<AttachmentReply> attachment(const std::string& container,
                                            const std::string& ifname) = 0;  // GET, for CNI CHECK
  // Also forgets a lost attachment of that name.
  virtual Reply<DetachmentReply> detach(const DetachmentRequest& request) = 0;
  // In order of container and interface.
  virtual std::vector<LostAttachment> lost_attachments(const std::string& network) = 0;

  virtual Reply<void> quarantine(const std::string& pod_namespace, const std::string& pod,
                                 const QuarantineRequest& request, const std::string& who) = 0;
  virtual Reply<void> release(const std::string& pod_namespace, const std::string& pod) = 0;

  // The JSON of `bulkhead policy explain -o json`, answered from the tables in force.
  virtual Reply<std::string> explain(const ExplainRequest& request) = 0;

  virtual bool is_ready() = 0;  // /readyz: a data plane is connected and a table acknowledged
};

}  // namespace bulkhead::control::api
