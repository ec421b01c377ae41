// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/api/roles.h"
#include "control/api/service.h"
#include "control/flowlog/flowlog.h"

namespace bulkhead::control::api {

// A request after HTTP: the path's segments are decoded and not yet believed.
struct Call {
  std::string method;
  std::vector<std::string> segments;  // {"v1", "status"}
  std::map<std::string, std::string> query;
  std::string body;
};

struct Answer {
  int status = 200;
  std::string body;        // JSON, or JSON lines for flows
  std::string error_code;  // empty when it succeeded
  // Set instead of a body: lines follow as they happen.
  std::shared_ptr<flowlog::Subscription> follow;
};

using AttachmentObserver =
    std::function<void(std::string_view verb, std::string_view code, double seconds)>;

// Checks the caller's right, the path, the query and the body, asks the service, and forms the
// answer. What each role may do is in roles.h. Never throws for anything a caller can send.
class Routes {
 public:
  Routes(Service& service, flowlog::FlowLog& flows, AttachmentObserver on_attachment);

  [[nodiscard]] Answer answer(const Call& call, const Caller& caller) const;

 private:
  [[nodiscard]] Answer status(const Caller& caller) const;
  [[nodiscard]] Answer endpoints(const Caller& caller) const;
  [[nodiscard]] Answer policies(const Caller& caller) const;
  [[nodiscard]] Answer flows(const Call& call, const Caller& caller) const;
  [[nodiscard]] Answer attachment(const Call& call, const Caller& caller) const;
  [[nodiscard]] Answer lost_attachments(const Call& call, const Caller& caller) const;
  [[nodiscard]] Answer quarantine(const Call& call, const Caller& caller) const;
  [[nodiscard]] Answer explain(const Call& call, const Caller& caller) const;

  Service& service_;
  flowlog::FlowLog& flows_;
  AttachmentObserver on_attachment_;
};

[[nodiscard]] Answer refuse(const ApiError& error);
[[nodiscard]] Answer refuse(int status, std::string code, std::string message,
                            std::string where = {});

}  // namespace bulkhead::control::api
