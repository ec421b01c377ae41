// SPDX-License-Identifier: Apache-2.0
#include "control/flowlog/record.h"

#include <nlohmann/json.hpp>

#include "control/flowlog/json_text.h"
#include "policy/base/protocol.h"

namespace bulkhead::control::flowlog {
namespace {

using dataplane::api::Event;
using dataplane::api::EventKind;

FlowEnd end_of(const IpAddress& ip, std::uint16_t port, const Names& names) {
  FlowEnd end{{}, {}, ip, port};
  if (auto pod = names.pod(ip)) {
    end.pod_namespace = std::move(pod->pod_namespace);
    end.pod = std::move(pod->pod);
  }
  return end;
}

struct Outcome {
  std::string_view event;
  Verdict verdict;
};

// A kind that this build does not know is no reason to believe in an allow.
Outcome outcome_of(EventKind kind) {
  switch (kind) {
    case EventKind::FlowNew:
      return {"new", Verdict::Allow};
    case EventKind::FlowUpdate:
      return {"update", Verdict::Allow};
    case EventKind::FlowClosed:
      return {"closed", Verdict::Allow};
    case EventKind::Denied:
      return {"denied", Verdict::Deny};
    case EventKind::FlowCut:
      return {"cut", Verdict::Deny};
    case EventKind::Dropped:
      return {"dropped", Verdict::Deny};
  }
  return {"unknown", Verdict::Deny};
}

// Which of the two decisions speaks for the flow.
Direction direction_of(const Event& event, Verdict verdict, const std::optional<RuleName>& egress,
                       const std::optional<RuleName>& ingress) {
  if (event.reason == DropReason::DeniedEgress) return Direction::Egress;
  if (event.reason == DropReason::DeniedIngress) return Direction::Ingress;
  if (verdict == Verdict::Deny) {
    if (egress && egress->verdict == Verdict::Deny) return Direction::Egress;
    if (ingress && ingress->verdict == Verdict::Deny) return Direction::Ingress;
  }
  return ingress || !egress ? Direction::Ingress : Direction::Egress;
}

std::string text_of(const FlowEnd& end) {
  return fmt::format(R"({{"namespace":{},"pod":{},"ip":{},"port":{}}})",
                     json_string(end.pod_namespace), json_string(end.pod),
                     json_string(end.ip.text()), end.port);
}

std::string printable(std::string text) {
  for (char& c : text) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return text;
}

using Json = nlohmann::json;

// A field of a record of any origin, as text; "-" where it is missing.
std::string field(const Json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  if (found == object.end()) return "-";
  if (found->is_string()) return printable(found->get<std::string>());
  return found->is_number_unsigned() ? std::to_string(found->get<std::uint64_t>()) : "-";
}

std::string end_text(const Json& record, const char* name) {
  const auto found = record.find(name);
  if (found == record.end()) return "-";
  const std::string pod = field(*found, "pod");
  const std::string ip = field(*found, "ip");
  const std::string address = ip.find(':') == ip.npos ? ip : "[" + ip + "]";
  const std::string socket = address + ":" + field(*found, "port");
  return pod.empty() || pod == "-" ? socket : field(*found, "namespace") + "/" + pod + " " + socket;
}

}  // namespace

FlowRecord record_of(const Event& event, const Names& names) {
  // Slot 0 is "not decided here", never a name.
  const auto rule = [&](std::uint32_t slot) {
    return slot == 0 ? std::nullopt : names.rule(CounterSlot{slot});
  };
  const auto egress = rule(event.egress_slot);
  const auto ingress = rule(event.ingress_slot);
  const auto [name, verdict] = outcome_of(event.kind);

  FlowRecord record;
  record.time_ns = event.time_ns;
  record.event = name;
  record.verdict = verdict;
  record.reason = event.reason;
  record.source = end_of(event.key.source_ip(), event.key.source_port.host(), names);
  record.destination = end_of(event.key.destination_ip(), event.key.destination_port.host(), names);
  record.protocol = event.key.protocol;
  record.direction = direction_of(event, verdict, egress, ingress);
  const auto& decisive = record.direction == Direction::Egress ? egress : ingress;
  if (decisive) record.rule = decisive->rule;
  record.revision = event.revision;
  record.packets = event.packets[0] + event.packets[1];
  record.bytes = event.bytes[0] + event.bytes[1];
  record.suppressed = event.suppressed;
  record.staged_differs = event.staged_differs != 0;
  return record;
}

std::string json_of(const FlowRecord& record) {
  return fmt::format(
      R"({{"time":{},"event":"{}","verdict":"{}","reason":"{}","source":{},"destination":{},)"
      R"("protocol":"{}","direction":"{}","rule":{},"revision":{},"packets":{},"bytes":{},)"
      R"("suppressed":{},"staged_differs":{}}})",
      json_string(time_text(record.time_ns)), record.event, name_of(record.verdict),
      name_of(record.reason), text_of(record.source), text_of(record.destination),
      protocol_name(record.protocol), name_of(record.direction), json_string(record.rule),
      record.revision, record.packets, record.bytes, record.suppressed, record.staged_differs);
}

Result<std::string> text_of_json(std::string_view json) {
  const Json record = Json::parse(json.begin(), json.end(), nullptr, /*allow_exceptions=*/false);
  if (!record.is_object()) return fail("not a flow record");
  std::string text = fmt::format(
      "{} {:<5} {:<7} {} {} -> {} {} {} packets={} bytes={}", field(record, "time"),
      field(record, "verdict"), field(record, "event"), field(record, "protocol"),
      end_text(record, "source"), end_text(record, "destination"), field(record, "direction"),
      field(record, "rule"), field(record, "packets"), field(record, "bytes"));
  const auto reason = field(record, "reason");
  if (reason != "none" && reason != "-") text += " reason=" + reason;
  const auto suppressed = field(record, "suppressed");
  if (suppressed != "0" && suppressed != "-") text += " suppressed=" + suppressed;
  return text;
}

}  // namespace bulkhead::control::flowlog
