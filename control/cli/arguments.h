// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "control/cli/output.h"
#include "policy/base/verdict.h"

namespace bulkhead::control::cli {

// What the policy commands read: files, folders and "-", under these settings.
struct PolicyInput {
  std::vector<std::string> paths;
  std::optional<std::filesystem::path> config;
  std::optional<Verdict> default_verdict;  // --default, over the config's and Kubernetes' "allow"
};

struct PolicyCheck {
  PolicyInput input;
};
struct PolicyMatrix {
  PolicyInput input;
  std::vector<std::string> probes;  // "TCP/80"
  std::string family;               // "", "4", "6"
  std::vector<std::string> external;
};
struct PolicyExplain {
  PolicyInput input;
  std::string from;
  std::string to;
  std::string protocol;
  std::uint16_t port = 0;
  std::string family;
};
struct PolicyCompile {
  PolicyInput input;
  std::filesystem::path out;
};
struct PolicyVerify {
  PolicyInput input;
  std::filesystem::path table;
};
struct PolicyDiff {
  PolicyInput input;  // the old paths; settings for both
  PolicyInput changed;
  bool is_exit_code = false;  // --exit-code: end with 1 when anything changed
};
struct PolicyLint {
  PolicyInput input;
};
struct PolicyAssert {
  PolicyInput input;
  std::filesystem::path assertions;
};
struct PolicySuggest {
  PolicyInput input;
  std::vector<std::string> flows;  // files of flow lines, or "-"; none: ask the agent
  std::vector<std::string> namespaces;
  std::string since;
  bool with_denied = false;
  unsigned length_v4 = 32;
  unsigned length_v6 = 128;
};
struct ShowStatus {};
struct ShowEndpoints {};
struct ShowFlows {
  bool is_following = false;
  std::string verdict;
  std::string namespace_name;
};
struct QuarantinePod {
  std::string pod;  // "ns/name"
  std::string why;
  std::string until;
  std::string forensic_peer;
};
struct ReleasePod {
  std::string pod;
};
struct Preflight {
  std::filesystem::path root;
};
struct ShowReport {
  std::filesystem::path root;
};
struct SupportBundle {
  std::filesystem::path root;
  std::filesystem::path out;
};
using Command =
    std::variant<PolicyCheck, PolicyMatrix, PolicyExplain, PolicyCompile, PolicyVerify, PolicyDiff,
                 PolicyLint, PolicyAssert, PolicySuggest, ShowStatus, ShowEndpoints, ShowFlows,
                 QuarantinePod, ReleasePod, Preflight, ShowReport, SupportBundle>;

struct Arguments {
  Command command;
  Format format = Format::Text;
  std::filesystem::path root;  // --root, else BULKHEAD_ROOT, else "/"
};

// The one door to CLI11. Gives the command to run, or, when help, the version or a usage error has
// been printed, how to end.
[[nodiscard]] std::variant<Arguments, Exit> read_arguments(int argc, const char* const* argv,
                                                           std::ostream& out, std::ostream& err);

}  // namespace bulkhead::control::cli
