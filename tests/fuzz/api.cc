// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "control/api/json.h"

// Every body that the agent or its clients read. What was read once reads the same when written.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace api = bulkhead::control::api;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto request = api::read_attachment_request(text)) {
    const auto written = api::json_of(*request);
    const auto again = api::read_attachment_request(written);
    if (!again || api::json_of(*again) != written) std::abort();
  }
  (void)api::read_attachment_reply(text);
  (void)api::read_detachment_request(text);
  (void)api::read_quarantine_request(text);
  (void)api::read_explain_request(text);
  (void)api::read_status(text);
  (void)api::read_endpoints(text);
  (void)api::read_policies(text);
  (void)api::read_error(text);
  return 0;
}
