// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "policy/base/ip.h"
#include "policy/base/result.h"
#include "policy/base/verdict.h"

namespace bulkhead::control::flowlog {

struct RecordedEnd {
  std::string pod_namespace;  // empty: not a pod that was known
  std::string pod;
  IpAddress ip;
  std::uint16_t port = 0;
};

// A line of the flow log (design.md section 7), read back. Its names are text of any origin.
struct Recorded {
  std::string time;   // RFC 3339
  std::string event;  // as FlowRecord::event
  Verdict verdict = Verdict::Deny;
  std::string reason;
  RecordedEnd source;  // the originator
  RecordedEnd destination;
  std::uint8_t protocol = 0;
  std::string rule;
};

// Fails naming the first field that is missing or is none. Fields it does not know are ignored.
[[nodiscard]] Result<Recorded> read_recorded(std::string_view line);

}  // namespace bulkhead::control::flowlog
