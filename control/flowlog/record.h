// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "control/flowlog/names.h"
#include "dataplane/api/events.h"
#include "policy/base/result.h"

namespace bulkhead::control::flowlog {

struct FlowEnd {
  std::string pod_namespace;  // empty: not a pod that we know
  std::string pod;
  IpAddress ip;
  std::uint16_t port = 0;
};

// One event with its numbers turned into names, as they were when it happened.
struct FlowRecord {
  std::uint64_t time_ns = 0;  // CLOCK_REALTIME
  std::string_view event;     // "new", "denied", "update", "closed", "cut", "dropped", "unknown"
  Verdict verdict = Verdict::Deny;
  DropReason reason = DropReason::None;
  FlowEnd source;
  FlowEnd destination;
  std::uint8_t protocol = 0;
  // The decision that speaks for the flow: the one that denied, else the ingress one if it was made
  // here, else the egress one.
  Direction direction = Direction::Ingress;
  std::string rule;
  std::uint64_t revision = 0;
  std::uint64_t packets = 0;  // both directions, since the flow's last record
  std::uint64_t bytes = 0;
  std::uint32_t suppressed = 0;  // like this one and not reported
  bool staged_differs = false;
};

[[nodiscard]] FlowRecord record_of(const dataplane::api::Event& event, const Names& names);

// One line, no newline: the form of design.md section 7.
[[nodiscard]] std::string json_of(const FlowRecord& record);
// One line for people, from the JSON form (what the API streams). Safe on any terminal: every
// character that is not printable ASCII appears as '?'.
[[nodiscard]] Result<std::string> text_of_json(std::string_view json);

}  // namespace bulkhead::control::flowlog
