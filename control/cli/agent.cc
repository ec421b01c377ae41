// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <ostream>

#include "control/api/json.h"
#include "control/api/names.h"
#include "control/cli/commands.h"
#include "control/flowlog/record.h"

namespace bulkhead::control::cli {
namespace {

std::string joined(const std::vector<std::string>& words, std::string_view between) {
  return fmt::format("{}", fmt::join(words, between));
}

std::string duration_text(std::uint64_t seconds) {
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 7200) return fmt::format("{} min", seconds / 60);
  if (seconds < 172800) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} days", seconds / 86400);
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string dataplane_text(const api::StatusReport& report) {
  if (!report.dataplane_connected) {
    return "NOT CONNECTED; the last table stays in force while it runs";
  }
  return fmt::format("connected, pid {}, {}", report.dataplane_pid,
                     counted(report.workers, "worker", "workers"));
}

std::string revision_text(const api::StatusReport& report) {
  if (report.revision_acknowledged == 0) return "no table in force yet: everything is closed";
  const std::string in_force =
      fmt::format("revision {} in force, epoch {}", report.revision_acknowledged, report.epoch);
  if (report.policy_stale_seconds >= 1) {
    return fmt::format("{}; what is wished has not been in force for {:.0f} s", in_force,
                       report.policy_stale_seconds);
  }
  if (report.revision_desired == report.revision_acknowledged) return in_force;
  return fmt::format("{}; {} compiled and not yet in force", in_force, report.revision_desired);
}

// Law 4: how far a second reader has compared what is in force with the text.
std::string verified_text(const api::StatusReport& report) {
  if (report.revision_verified == 0) return "nothing yet";
  return fmt::format("{:.0f} % of revision {}", report.verified_ratio * 100,
                     report.revision_verified);
}

std::string flows_text(const api::StatusReport& report) {
  const double used = report.flow_capacity == 0 ? 0.0
                                                : 100.0 * static_cast<double>(report.flows) /
                                                      static_cast<double>(report.flow_capacity);
  return fmt::format("{} of {} ({:.0f} %)", report.flows, report.flow_capacity, used);
}

// Objects whose file is broken now: what was last accepted of them stays in force.
void print_rejected(const api::Client& agent, const Output& output) {
  const auto policies = agent.policies();
  if (!policies) {
    output.err << "note: " << printable(policies.error().message) << '\n';
    return;
  }
  for (const auto& policy : *policies) {
    if (policy.state == "in_force") continue;
    output.out << red(output, "rejected") << ": " << printable(policy.id) << " ("
               << printable(policy.origin) << "): " << printable(policy.error)
               << "; its last accepted version stays in force\n";
  }
}

// "ns/name" in its two parts, both good names.
Result<std::pair<std::string, std::string>> pod_named(const std::string& text) {
  const auto slash = text.find('/');
  const auto pod_namespace = text.substr(0, slash);
  const auto pod = slash == text.npos ? std::string() : text.substr(slash + 1);
  if (!api::is_namespace_name(pod_namespace) || !api::is_pod_name(pod)) {
    return fail("'{}' is not a pod: write NAMESPACE/POD, such as backend/db", text);
  }
  return std::pair{pod_namespace, pod};
}

// What is left to say about a change that the agent has made.
Exit changed(const Output& output, std::string_view json, const std::string& sentence) {
  if (output.format == Format::Json) {
    output.out << json << '\n';
  } else {
    output.out << sentence << '\n';
  }
  return Exit::Good;
}

}  // namespace

Exit run(const ShowStatus&, const api::Client& agent, const Output& output) {
  const auto report = agent.status();
  if (!report) return refuse(output, report.error());
  if (output.format == Format::Json) {
    output.out << api::json_of(*report) << '\n';
    return Exit::Good;
  }
  std::vector<std::vector<std::string>> rows{
      {"agent", fmt::format("{}, up {}", report->version, duration_text(report->uptime_seconds))},
      {"data plane", dataplane_text(*report)}};
  if (report->dataplane_connected) {
    rows.push_back({"io", fmt::format("{} ({})", report->io_method, report->io_reason)});
  }
  rows.push_back({"policy", fmt::format("{}, {}, default {}", revision_text(*report),
                                        counted(report->policies, "policy", "policies"),
                                        report->default_verdict)});
  rows.push_back({"verified", verified_text(*report)});
  rows.push_back({"endpoints", std::to_string(report->endpoints)});
  rows.push_back({"flows", flows_text(*report)});
  print_table(output.out, rows);
  if (report->is_publishing_blocked) {
    output.out << red(output, "publishing is blocked") << ": " << printable(report->blocked_reason)
               << '\n';
  }
  for (const auto& error : report->errors) {
    output.out << red(output, "error") << ": " << printable(error.where) << ": "
               << printable(error.message) << '\n';
  }
  print_rejected(agent, output);
  return Exit::Good;
}

Exit run(const ShowEndpoints&, const api::Client& agent, const Output& output) {
  const auto endpoints = agent.endpoints();
  if (!endpoints) return refuse(output, endpoints.error());
  if (output.format == Format::Json) {
    output.out << api::json_of(*endpoints) << '\n';
    return Exit::Good;
  }
  std::vector<std::vector<std::string>> rows{
      {"POD", "STATE", "ADDRESSES", "IDENTITIES", "MAC", "PORT", "INTERFACE", "CONTAINER"}};
  for (const auto& endpoint : *endpoints) {
    rows.push_back({endpoint.pod_namespace + "/" + endpoint.pod_name, endpoint.state,
                    joined(endpoint.ips, ","),
                    fmt::format("{}", fmt::join(endpoint.identities, ",")), endpoint.mac,
                    std::to_string(endpoint.port), endpoint.ifname,
                    endpoint.container_id.substr(0, 12)});
  }
  print_table(output.out, rows);
  return Exit::Good;
}

Exit run(const ShowFlows& command, const api::Client& agent, const Output& output) {
  std::string target = fmt::format("/v1/flows?follow={}", command.is_following ? 1 : 0);
  if (!command.verdict.empty()) target += "&verdict=" + command.verdict;
  if (!command.namespace_name.empty()) {
    target += "&namespace=" + api::escape_segment(command.namespace_name);
  }
  const auto done = agent.stream(target, [&](std::string_view line) {
    if (output.format == Format::Json) {
      output.out << line << '\n';
    } else {
      output.out << flowlog::text_of_json(line).value_or("(a line that is no flow record)") << '\n';
    }
    if (command.is_following) output.out.flush();
    return output.out.good();
  });
  return done ? Exit::Good : refuse(output, done.error());
}

Exit run(const QuarantinePod& command, const api::Client& agent, const Output& output) {
  const auto pod = pod_named(command.pod);
  if (!pod) return refuse(output, pod.error());
  const auto done = agent.quarantine(pod->first, pod->second,
                                     {command.why, command.until, command.forensic_peer});
  if (!done) return refuse(output, done.error());
  return changed(
      output, R"({"quarantined":true})",
      fmt::format("{} is in quarantine; `bulkhead release {}` ends it", command.pod, command.pod));
}

Exit run(const ReleasePod& command, const api::Client& agent, const Output& output) {
  const auto pod = pod_named(command.pod);
  if (!pod) return refuse(output, pod.error());
  const auto done = agent.release(pod->first, pod->second);
  if (!done) return refuse(output, done.error());
  return changed(output, R"({"quarantined":false})",
                 fmt::format("{} is released; its policies hold again", command.pod));
}

}  // namespace bulkhead::control::cli
