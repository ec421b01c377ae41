// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "control/api/client.h"
#include "control/cli/commands.h"
#include "control/cli/scrape.h"
#include "control/config/config.h"
#include "policy/base/drop_reason.h"
#include "policy/parse/parse.h"
#include "policy/parse/view.h"
#include "policy/question/lint.h"

namespace bulkhead::control::cli {
namespace {

using Json = nlohmann::ordered_json;
using question::Severity;

// One thing that needs attention, of whatever origin.
struct Matter {
  Severity severity = Severity::Warning;
  std::string area;  // "agent", "policy", "drops", "lint"
  std::string object;
  std::string what;
  std::string mend;
};

// What an administrator does about drops of a reason, by the groups of drop_reason.h.
std::string_view mend_of(DropReason reason) {
  constexpr auto kPolicyEnd = 9, kSourceEnd = 29, kParseEnd = 49, kFlowEnd = 59, kFragmentEnd = 69;
  const auto number = static_cast<int>(reason);
  if (reason == DropReason::NoTable) return "see `bulkhead status` for why no table is in force";
  if (reason == DropReason::UnknownPeer)
    return "compare cluster.pod_cidrs with what IPAM gives out";
  if (number <= kPolicyEnd)
    return "see `bulkhead flows --verdict deny`, ask `bulkhead policy explain`";
  if (number <= kSourceEnd)
    return "find the pod in `bulkhead flows`; quarantine it if it is not yours";
  if (number <= kParseEnd)
    return "find the sender in `bulkhead flows`: an odd network stack, or an attack";
  const bool is_full = reason == DropReason::FlowTableFull || reason == DropReason::FlowLimit ||
                       reason == DropReason::UnassuredLimit;
  if (is_full) return "find who opens so many flows; raise flows.max if they are wanted";
  if (number <= kFlowEnd) return "a few are normal after restarts and time-outs";
  if (number <= kFragmentEnd) return "lower the sender's MTU or let path MTU discovery work";
  return "see docs of bulkhead_drops_total, and the load of the data plane";
}

// What policies deny is their work; a full table or a spoofed address is not.
Severity severity_of(DropReason reason) {
  const bool is_ordinary =
      reason == DropReason::DeniedEgress || reason == DropReason::DeniedIngress ||
      reason == DropReason::EstablishedCut || reason == DropReason::BadDestination ||
      reason == DropReason::TcpNoFlow || reason == DropReason::UnsupportedIcmp;
  return is_ordinary ? Severity::Note : Severity::Warning;
}

void add_drops(std::vector<Matter>& matters, const std::string& metrics) {
  const auto drops = drops_in(metrics);
  for (const auto& info : drop_reasons()) {
    const auto found = drops.find(std::string(info.name));
    if (found == drops.end()) continue;
    matters.push_back({severity_of(info.reason), "drops", std::string(info.name),
                       fmt::format("{} packets: {}", found->second, info.explanation),
                       std::string(mend_of(info.reason))});
  }
}

void add_agent(std::vector<Matter>& matters, const api::Client& agent) {
  const auto status = agent.status();
  if (!status) {
    matters.push_back({Severity::Error, "agent", "", status.error().message,
                       "start bulkhead-agent; `bulkhead preflight` says what is missing"});
    return;
  }
  if (!status->dataplane_connected) {
    matters.push_back({Severity::Error, "agent", "data plane", "is not connected",
                       "start bulkhead-dataplane; known pods keep what was last in force"});
  }
  if (status->is_publishing_blocked) {
    matters.push_back({Severity::Error, "agent", "publishing", status->blocked_reason,
                       "mend what is named; until then nothing new is put in force"});
  }
  if (status->verified_ratio < 1) {
    matters.push_back({Severity::Note, "agent", "verification",
                       fmt::format("{:.0f} % compared so far", status->verified_ratio * 100),
                       "wait: the rest is compared in the background"});
  }
  for (const auto& error : status->errors) {
    matters.push_back({Severity::Error, "policy", error.where, error.message,
                       "mend the file; what was last accepted of it stays in force"});
  }
  const auto policies = agent.policies();
  if (!policies) return;
  for (const auto& policy : *policies) {
    if (policy.state == "in_force") continue;
    matters.push_back({Severity::Error, "policy", policy.id,
                       fmt::format("{} ({})", policy.error, policy.origin),
                       "mend it; its last accepted version stays in force"});
  }
}

void add_lint(std::vector<Matter>& matters, const Paths& paths, const Config& config) {
  const auto folder = config.policies ? std::filesystem::path(*config.policies) : paths.policies();
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) return;
  const auto parsed = parse::parse_paths({folder.string()});
  for (const auto& error : parsed.errors()) {
    matters.push_back({Severity::Error, "policy", error.where, error.message, "mend the file"});
  }
  const auto cluster = parse::build_cluster(parsed.objects(), config.settings());
  if (!cluster) {
    matters.push_back({Severity::Error, "policy", cluster.error().where, cluster.error().message,
                       "mend the file"});
    return;
  }
  for (const auto& finding : question::lint(*cluster)) {
    matters.push_back(
        {finding.severity, "lint", finding.object,
         fmt::format("{} {}{}", finding.id, finding.message,
                     finding.where.file.empty() ? "" : " (" + finding.where.text() + ")"),
         finding.mend});
  }
}

std::string json_of(const std::vector<Matter>& matters) {
  Json json;
  json["matters"] = Json::array();
  for (const auto& matter : matters) {
    Json one;
    one["severity"] = name_of(matter.severity);
    one["area"] = matter.area;
    one["object"] = matter.object;
    one["what"] = matter.what;
    one["mend"] = matter.mend;
    json["matters"].push_back(std::move(one));
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Exit run(const ShowReport& command, const api::Client& agent, const Output& output) {
  const Paths paths{command.root};
  const auto config = load_config(paths.config());
  if (!config) return refuse(output, config.error());
  std::vector<Matter> matters;
  add_agent(matters, agent);
  if (const auto metrics = scrape(config->metrics_listen)) {
    add_drops(matters, *metrics);
  } else {
    output.err << "note: no metrics: " << printable(metrics.error().text()) << '\n';
  }
  add_lint(matters, paths, *config);
  std::ranges::stable_sort(
      matters, [](const Matter& a, const Matter& b) { return a.severity > b.severity; });
  if (output.format == Format::Json) {
    output.out << json_of(matters) << '\n';
  } else {
    for (const auto& matter : matters) {
      const auto severity = fmt::format("{:<7}", name_of(matter.severity));
      output.out << (matter.severity == Severity::Error ? red(output, severity) : severity) << "  "
                 << printable(matter.area) << (matter.object.empty() ? "" : " ")
                 << printable(matter.object) << ": " << printable(matter.what)
                 << "\n         do: " << printable(matter.mend) << '\n';
    }
    if (matters.empty()) output.out << "nothing needs attention\n";
  }
  const bool is_bad = std::ranges::any_of(
      matters, [](const Matter& matter) { return matter.severity != Severity::Note; });
  return is_bad ? Exit::Findings : Exit::Good;
}

}  // namespace bulkhead::control::cli
