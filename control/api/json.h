// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/api/types.h"
#include "policy/base/result.h"

// The one door to nlohmann-json for the bodies of types.h. Writers give compact JSON on one line
// with the fields in the order of types.h; invalid UTF-8 is replaced, never thrown over. Readers
// ignore unknown fields, refuse a field of the wrong type by name ("ips[1].address: must be a
// string"), refuse repeated keys, and take text of any origin: at most 64 levels deep. Thread: any.
namespace bulkhead::control::api {

[[nodiscard]] std::string json_of(const AttachmentRequest& request);
[[nodiscard]] std::string json_of(const AttachmentReply& reply);
[[nodiscard]] std::string json_of(const DetachmentRequest& request);
[[nodiscard]] std::string json_of(const DetachmentReply& reply);
[[nodiscard]] std::string json_of(const LostAttachment& lost);
[[nodiscard]] std::string json_of(const std::vector<LostAttachment>& lost);
[[nodiscard]] std::string json_of(const StatusReport& report);
[[nodiscard]] std::string json_of(const std::vector<EndpointReport>& endpoints);
[[nodiscard]] std::string json_of(const std::vector<PolicyReport>& policies);
[[nodiscard]] std::string json_of(const QuarantineRequest& request);
[[nodiscard]] std::string json_of(const ExplainRequest& request);
// {"error":{"code","message","where"}}
[[nodiscard]] std::string json_of(const ApiError& error);

// Absent optional fields keep the defaults of types.h; the fields each kind of request cannot do
// without are listed in json.cc and refused by name when absent.
[[nodiscard]] Result<AttachmentRequest> read_attachment_request(std::string_view text);
[[nodiscard]] Result<AttachmentReply> read_attachment_reply(std::string_view text);
[[nodiscard]] Result<DetachmentRequest> read_detachment_request(std::string_view text);
[[nodiscard]] Result<DetachmentReply> read_detachment_reply(std::string_view text);
[[nodiscard]] Result<LostAttachment> read_lost_attachment(std::string_view text);
[[nodiscard]] Result<std::vector<LostAttachment>> read_lost_attachments(std::string_view text);
[[nodiscard]] Result<StatusReport> read_status(std::string_view text);
[[nodiscard]] Result<std::vector<EndpointReport>> read_endpoints(std::string_view text);
[[nodiscard]] Result<std::vector<PolicyReport>> read_policies(std::string_view text);
[[nodiscard]] Result<QuarantineRequest> read_quarantine_request(std::string_view text);
[[nodiscard]] Result<ExplainRequest> read_explain_request(std::string_view text);
[[nodiscard]] Result<ApiError> read_error(std::string_view text);

}  // namespace bulkhead::control::api
