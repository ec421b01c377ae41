// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <iostream>
#include <ostream>
#include <sstream>

#include "control/cli/commands.h"
#include "control/cli/policy_input.h"
#include "control/flowlog/recorded.h"
#include "control/state/quarantine.h"
#include "policy/question/suggest.h"

namespace bulkhead::control::cli {
namespace {

using state::WallTime;

// "30m", "24h", "7d": back from `now`; else an RFC 3339 time.
Result<WallTime> since_of(const std::string& text, WallTime now) {
  std::int64_t count = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, count);
  const bool is_span = error == std::errc{} && rest + 1 == end && count >= 0 && count <= 100'000;
  if (is_span && *rest == 's') return now - std::chrono::seconds(count);
  if (is_span && *rest == 'm') return now - std::chrono::minutes(count);
  if (is_span && *rest == 'h') return now - std::chrono::hours(count);
  if (is_span && *rest == 'd') return now - std::chrono::days(count);
  const auto time = state::parse_time(text);
  if (!time) return fail_at("--since", "write 30m, 24h, 7d or 2026-01-31T18:00:00Z");
  return *time;
}

// A record's time, to the second.
Result<WallTime> time_of(std::string text) {
  if (const auto dot = text.find('.'); dot != text.npos) {
    text.erase(dot, text.find_first_not_of("0123456789", dot + 1) - dot);
  }
  return state::parse_time(text);
}

// What policies have a say in; other drops (spoofed, malformed, out of window) no policy can allow.
bool is_about_policy(const flowlog::Recorded& recorded) {
  return recorded.event != "dropped" && recorded.event != "unknown";
}

question::SeenFlow seen_flow(flowlog::Recorded recorded) {
  const auto end = [](flowlog::RecordedEnd& one) {
    return question::SeenEnd{{std::move(one.pod_namespace), std::move(one.pod)}, one.ip};
  };
  question::SeenFlow flow;
  flow.source = end(recorded.source);
  flow.destination = end(recorded.destination);
  flow.protocol = recorded.protocol;
  flow.port = recorded.destination.port;
  flow.verdict = recorded.verdict;
  flow.rule = std::move(recorded.rule);
  return flow;
}

class FlowReader {
 public:
  explicit FlowReader(std::optional<WallTime> since) : since_(since) {}

  [[nodiscard]] Status take(const std::string& place, std::string_view line) {
    auto recorded = flowlog::read_recorded(line);
    if (!recorded) return fail_at(place, "no flow record: {}", recorded.error().message);
    if (since_) {
      const auto time = time_of(recorded->time);
      if (!time) return fail_at(place, "no flow record: {}", time.error().message);
      if (*time < *since_) return {};
    }
    if (is_about_policy(*recorded)) flows_.push_back(seen_flow(std::move(*recorded)));
    return {};
  }

  [[nodiscard]] Status take_all(const std::string& name, std::istream& stream) {
    std::string line;
    for (std::size_t number = 1; std::getline(stream, line); ++number) {
      if (line.empty()) continue;
      const bool is_cut = stream.eof();
      const auto taken = take(fmt::format("{}:{}", name, number), line);
      // A log that is being written may end in the middle of a line.
      if (!taken && !is_cut) return taken;
      if (!taken && number == 1) return taken;
    }
    if (stream.bad()) return fail_at(name, "cannot be read");
    return {};
  }

  [[nodiscard]] Status take_file(const std::string& name) {
    if (name == "-") return take_all("stdin", std::cin);
    std::ifstream stream(name, std::ios::binary);
    if (!stream) return fail_at(name, "cannot be opened");
    return take_all(name, stream);
  }

  [[nodiscard]] const std::vector<question::SeenFlow>& flows() const { return flows_; }

 private:
  std::optional<WallTime> since_;
  std::vector<question::SeenFlow> flows_;
};

// From the files, or, when none is named, from the running agent.
Status read_flows(FlowReader& reader, const PolicySuggest& command, const api::Client& agent) {
  for (const auto& file : command.flows) {
    if (auto taken = reader.take_file(file); !taken) return taken;
  }
  if (!command.flows.empty()) return {};
  Status taken;
  const auto done = agent.stream("/v1/flows?follow=0", [&](std::string_view line) {
    taken = reader.take("agent", line);
    return taken.has_value();
  });
  if (!taken) return taken;
  if (!done) return fail_at(done.error().where, "{}", done.error().message);
  return {};
}

Status check_options(const PolicySuggest& command) {
  const auto uses =
      std::ranges::count(command.flows, "-") + std::ranges::count(command.input.paths, "-");
  if (uses > 1) return fail("standard input can be read once only");
  return {};
}

}  // namespace

Exit run(const PolicySuggest& command, const api::Client& agent, const Output& output) {
  if (auto checked = check_options(command); !checked) return refuse(output, checked.error());
  std::optional<WallTime> since;
  if (!command.since.empty()) {
    const auto time = since_of(command.since, std::chrono::system_clock::now());
    if (!time) return refuse(output, time.error());
    since = *time;
  }
  const auto cluster = read_cluster(command.input, output);
  if (!cluster) return Exit::BadInput;
  for (const auto& name : command.namespaces) {
    if (!cluster->namespaces.contains(name)) {
      return refuse(output,
                    Error{fmt::format("no namespace {} in what was read", name), "--namespace"});
    }
  }
  FlowReader reader(since);
  if (auto read = read_flows(reader, command, agent); !read) return refuse(output, read.error());

  question::SuggestOptions options;
  options.namespaces.insert(command.namespaces.begin(), command.namespaces.end());
  options.with_denied = command.with_denied;
  options.length_v4 = command.length_v4;
  options.length_v6 = command.length_v6;
  const auto suggestion = question::suggest(*cluster, reader.flows(), options);
  if (!suggestion) return refuse(output, suggestion.error());
  if (output.format == Format::Json) {
    output.out << question::to_json(*suggestion) << '\n';
  } else {
    output.out << question::to_yaml(*suggestion);
    std::istringstream report(question::report_text(*suggestion));
    for (std::string line; std::getline(report, line);) output.err << printable(line) << '\n';
  }
  return Exit::Good;
}

}  // namespace bulkhead::control::cli
