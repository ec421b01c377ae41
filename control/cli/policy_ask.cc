// SPDX-License-Identifier: Apache-2.0
#include <ostream>

#include "control/cli/commands.h"
#include "control/cli/policy_input.h"
#include "policy/base/protocol.h"
#include "policy/question/explain.h"
#include "policy/question/matrix.h"

namespace bulkhead::control::cli {
namespace {

std::optional<Family> family_of(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return text == "4" ? Family::V4 : Family::V6;
}

Result<question::MatrixOptions> matrix_options(const PolicyMatrix& command) {
  question::MatrixOptions options;
  options.family = family_of(command.family);
  for (const auto& text : command.probes) {
    const auto probe = question::parse_probe(text);
    if (!probe) return fail_at("--probe", "{}", probe.error().message);
    options.probes.push_back(*probe);
  }
  for (const auto& text : command.external) {
    const auto parsed = Prefix::parse(text);
    if (!parsed) return fail_at("--external", "{}", parsed.error().message);
    options.externals.push_back(parsed->prefix);
  }
  return options;
}

Result<question::Probe> probe_of(const PolicyExplain& command) {
  const auto protocol = protocol_number(command.protocol);
  if (!protocol) {
    return fail_at("--protocol", "'{}' is not TCP, UDP, SCTP, ICMP or ICMPv6", command.protocol);
  }
  if (has_ports(*protocol) && command.port == 0) {
    return fail_at("--port", "{} needs a destination port, from 1 to 65535", command.protocol);
  }
  if (!has_ports(*protocol) && command.port != 0) {
    return fail_at("--port", "{} has no ports", command.protocol);
  }
  return question::Probe{*protocol, command.port};
}

}  // namespace

Exit run(const PolicyMatrix& command, const Output& output) {
  const auto options = matrix_options(command);
  if (!options) return refuse(output, options.error());
  const auto cluster = read_cluster(command.input, output);
  if (!cluster) return Exit::BadInput;
  const auto matrix = question::matrix(*cluster, *options);
  if (!matrix) return refuse(output, matrix.error());
  for (const auto& note : matrix->notes) output.err << "note: " << printable(note) << '\n';
  if (output.format == Format::Json) {
    output.out << question::to_json(*matrix) << '\n';
  } else {
    output.out << question::to_text(*matrix);
  }
  return Exit::Good;
}

Exit run(const PolicyExplain& command, const Output& output) {
  const auto probe = probe_of(command);
  if (!probe) return refuse(output, probe.error());
  const auto cluster = read_cluster(command.input, output);
  if (!cluster) return Exit::BadInput;
  const auto explanation =
      question::explain(*cluster, {command.from, command.to, *probe, family_of(command.family)});
  if (!explanation) return refuse(output, explanation.error());
  if (output.format == Format::Json) {
    output.out << question::to_json(*explanation) << '\n';
  } else {
    const std::string text = question::to_text(*explanation);
    const auto verdict = text.substr(0, text.find(':'));
    output.out << coloured(output, explanation->verdict(), verdict) << text.substr(verdict.size());
  }
  return explanation->verdict() == Verdict::Allow ? Exit::Good : Exit::Findings;
}

}  // namespace bulkhead::control::cli
