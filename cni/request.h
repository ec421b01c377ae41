// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cni/configuration.h"
#include "cni/error.h"

namespace bulkhead::cni {

using Environment = std::map<std::string, std::string>;

enum class Command { Add, Del, Check, Version };

// One call of the plugin, checked.
struct Request {
  Command command = Command::Version;
  std::string container_id;
  std::string ifname;
  std::string netns;                                  // a path; may be empty for DEL
  std::map<std::string, std::string> arguments;       // CNI_ARGS
  std::vector<std::filesystem::path> plugin_folders;  // CNI_PATH
  std::filesystem::path root = "/";  // BULKHEAD_ROOT, or the one the socket lies in
  std::filesystem::path socket;
  Environment environment;  // handed on to the IPAM plugin
  Configuration configuration;

  [[nodiscard]] std::filesystem::path tombstones() const {
    return root / "var/lib/bulkhead/tombstones";
  }
};

// CNI_COMMAND alone; code 4 for others than ADD, DEL, CHECK, VERSION.
[[nodiscard]] Outcome<Command> command_of(const Environment& environment);

// Everything ADD, DEL and CHECK need. Errors: 4 with the variable's name, or parse_configuration's.
[[nodiscard]] Outcome<Request> parse_request(Environment environment, std::string_view input);

// Which pod this is, first that answers (design.md section 7): CNI_ARGS K8S_POD_NAMESPACE and
// K8S_POD_NAME; the configuration's `namespace` and K8S_POD_NAME; the environment's
// BULKHEAD_POD=ns/name; the configuration's `namespace` and the container id. Code 7 when none
// does, code 4 when the one that answers is no name.
struct PodIdentity {
  std::string pod_namespace;
  std::string name;
  std::string uid;  // K8S_POD_UID; may be empty
};
[[nodiscard]] Outcome<PodIdentity> identity_of(const Request& request);

}  // namespace bulkhead::cni
