// SPDX-License-Identifier: Apache-2.0
#include "cni/request.h"

#include "cni/names.h"

namespace bulkhead::cni {
namespace {

std::string value_of(const Environment& environment, const char* name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

// What a message may repeat of a hostile value.
std::string shown(std::string_view text) {
  std::string safe;
  for (const char c : text.substr(0, 64)) safe += c > ' ' && c <= '~' ? c : '?';
  return safe;
}

// "K8S_POD_NAME=web;IgnoreUnknown=1". Keys that nobody here reads are ignored.
Outcome<std::map<std::string, std::string>> parse_arguments(std::string_view text) {
  std::map<std::string, std::string> arguments;
  while (!text.empty()) {
    const auto pair = text.substr(0, text.find(';'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return refuse(Code::InvalidEnvironment, "CNI_ARGS: '{}' is not KEY=VALUE", shown(pair));
    }
    const bool is_new = arguments.emplace(pair.substr(0, equals), pair.substr(equals + 1)).second;
    if (!is_new) {
      return refuse(Code::InvalidEnvironment, "CNI_ARGS: '{}' is given twice",
                    shown(pair.substr(0, equals)));
    }
  }
  return arguments;
}

Outcome<std::vector<std::filesystem::path>> parse_folders(std::string_view text) {
  std::vector<std::filesystem::path> folders;
  while (!text.empty()) {
    const auto folder = text.substr(0, text.find(':'));
    text.remove_prefix(std::min(text.size(), folder.size() + 1));
    if (folder.empty()) continue;
    if (!is_clean_path(folder)) {
      return refuse(Code::InvalidEnvironment, "CNI_PATH: '{}' is no absolute path", shown(folder));
    }
    folders.emplace_back(folder);
  }
  if (folders.empty()) return refuse(Code::InvalidEnvironment, "CNI_PATH is missing");
  return folders;
}

tl::expected<void, CniError> read_variables(Request& request) {
  const auto& environment = request.environment;
  request.container_id = value_of(environment, "CNI_CONTAINERID");
  if (!is_container_id(request.container_id)) {
    return refuse(Code::InvalidEnvironment, "CNI_CONTAINERID '{}' is missing or no container id",
                  shown(request.container_id));
  }
  request.ifname = value_of(environment, "CNI_IFNAME");
  if (!is_interface_name(request.ifname)) {
    return refuse(Code::InvalidEnvironment, "CNI_IFNAME '{}' is missing or no interface name",
                  shown(request.ifname));
  }
  request.netns = value_of(environment, "CNI_NETNS");
  const bool may_lack = request.command == Command::Del && request.netns.empty();
  if (!may_lack && !is_clean_path(request.netns)) {
    return refuse(Code::InvalidEnvironment, "CNI_NETNS '{}' is missing or no absolute path",
                  shown(request.netns));
  }
  auto arguments = parse_arguments(value_of(environment, "CNI_ARGS"));
  if (!arguments) return tl::unexpected(arguments.error());
  request.arguments = std::move(*arguments);
  auto folders = parse_folders(value_of(environment, "CNI_PATH"));
  if (!folders) return tl::unexpected(folders.error());
  request.plugin_folders = std::move(*folders);
  return {};
}

// The configuration's socket decides; where it lies in a root of its own, so do the tombstones: an
// agent started with --root looks for them there, and runtimes hand no BULKHEAD_ROOT on.
tl::expected<void, CniError> read_paths(Request& request) {
  constexpr std::string_view kSocket = "/run/bulkhead/agent.sock";
  const std::string root = value_of(request.environment, "BULKHEAD_ROOT");
  if (!root.empty() && root != "/" && !is_clean_path(root)) {
    return refuse(Code::InvalidEnvironment, "BULKHEAD_ROOT '{}' is no absolute path", shown(root));
  }
  if (!root.empty()) request.root = root;
  const std::string& socket = request.configuration.socket;
  if (socket.empty()) {
    request.socket = request.root / kSocket.substr(1);
    return {};
  }
  request.socket = socket;
  if (socket.ends_with(kSocket) && socket.size() > kSocket.size()) {
    request.root = socket.substr(0, socket.size() - kSocket.size());
  }
  return {};
}

Outcome<PodIdentity> checked(PodIdentity identity, const char* source) {
  if (!is_namespace_name(identity.pod_namespace)) {
    return refuse(Code::InvalidEnvironment, "{}: '{}' is no namespace name", source,
                  shown(identity.pod_namespace));
  }
  if (!is_object_name(identity.name)) {
    return refuse(Code::InvalidEnvironment, "{}: '{}' is no pod name", source,
                  shown(identity.name));
  }
  if (!identity.uid.empty() && !is_object_name(identity.uid)) {
    return refuse(Code::InvalidEnvironment, "{}: '{}' is no pod UID", source, shown(identity.uid));
  }
  return identity;
}

}  // namespace

Outcome<Command> command_of(const Environment& environment) {
  const std::string command = value_of(environment, "CNI_COMMAND");
  if (command == "ADD") return Command::Add;
  if (command == "DEL") return Command::Del;
  if (command == "CHECK") return Command::Check;
  if (command == "VERSION") return Command::Version;
  if (command.empty()) {
    return refuse(Code::InvalidEnvironment,
                  "CNI_COMMAND is missing: this is a CNI plugin, run by a container runtime");
  }
  return refuse(Code::InvalidEnvironment,
                "CNI_COMMAND '{}' is not served: ADD, DEL, CHECK or VERSION", shown(command));
}

Outcome<Request> parse_request(Environment environment, std::string_view input) {
  Request request;
  const auto command = command_of(environment);
  if (!command) return tl::unexpected(command.error());
  request.command = *command;
  request.environment = std::move(environment);
  if (auto read = read_variables(request); !read) return tl::unexpected(read.error());
  auto configuration = parse_configuration(input);
  if (!configuration) return tl::unexpected(configuration.error());
  request.configuration = std::move(*configuration);
  if (auto read = read_paths(request); !read) return tl::unexpected(read.error());
  return request;
}

Outcome<PodIdentity> identity_of(const Request& request) {
  const std::string name = value_of(request.arguments, "K8S_POD_NAME");
  const std::string uid = value_of(request.arguments, "K8S_POD_UID");
  const std::string from_arguments = value_of(request.arguments, "K8S_POD_NAMESPACE");
  const std::string& from_network = request.configuration.pod_namespace;
  if (!from_arguments.empty() && !name.empty()) {
    return checked({from_arguments, name, uid}, "CNI_ARGS");
  }
  if (!from_network.empty() && !name.empty()) {
    return checked({from_network, name, uid}, "CNI_ARGS");
  }
  const std::string pod = value_of(request.environment, "BULKHEAD_POD");
  if (!pod.empty()) {
    const auto slash = pod.find('/');
    if (slash == std::string::npos) {
      return refuse(Code::InvalidEnvironment, "BULKHEAD_POD: '{}' is not namespace/name",
                    shown(pod));
    }
    return checked({pod.substr(0, slash), pod.substr(slash + 1), {}}, "BULKHEAD_POD");
  }
  if (!from_network.empty()) return checked({from_network, request.container_id, {}}, "namespace");
  return refuse(Code::InvalidConfiguration,
                "cannot tell which pod this is: give K8S_POD_NAMESPACE and K8S_POD_NAME in "
                "CNI_ARGS, or 'namespace' in the network configuration, or "
                "BULKHEAD_POD=namespace/name in the environment");
}

}  // namespace bulkhead::cni
