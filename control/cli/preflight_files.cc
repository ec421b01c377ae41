// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "control/cli/preflight.h"
#include "policy/base/fd.h"
#include "policy/parse/parse.h"
#include "policy/parse/view.h"

namespace bulkhead::control::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// The nearest existing folder at or above a path: where what is missing would be made.
fs::path existing_part(fs::path path) {
  std::error_code ignored;
  while (!fs::exists(path, ignored) && path.has_parent_path() && path != path.parent_path()) {
    path = path.parent_path();
  }
  return path;
}

// The network configurations, in the order in which runtimes take the first.
std::vector<fs::path> configurations(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const auto kind = at->path().extension();
    if (kind == ".conflist" || kind == ".conf" || kind == ".json") files.push_back(at->path());
  }
  std::ranges::sort(files);
  return files;
}

Json read_json(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

// Our entry in a network configuration; null when there is none.
Json our_plugin(const Json& network) {
  if (!network.is_object()) return nullptr;
  const auto is_ours = [](const Json& plugin) {
    const auto type = plugin.is_object() ? plugin.find("type") : plugin.end();
    return plugin.is_object() && type != plugin.end() && *type == "bulkhead-cni";
  };
  if (is_ours(network)) return network;
  const auto plugins = network.find("plugins");
  if (plugins == network.end() || !plugins->is_array()) return nullptr;
  for (const auto& plugin : *plugins) {
    if (is_ours(plugin)) return plugin;
  }
  return nullptr;
}

std::string ipam_type(const Json& plugin) {
  const auto ipam = plugin.is_object() ? plugin.find("ipam") : plugin.end();
  if (!plugin.is_object() || ipam == plugin.end() || !ipam->is_object()) return {};
  const auto type = ipam->find("type");
  return type != ipam->end() && type->is_string() ? type->get<std::string>() : std::string();
}

bool is_installed(const Machine& machine, const std::string& program) {
  return std::ranges::any_of(machine.plugins, [&](const fs::path& folder) {
    return ::access((folder / program).c_str(), X_OK) == 0;
  });
}

// Whether "ADDRESS:PORT" can be listened on: 0, or an errno, or EINVAL for what is no such thing.
int listen_error(const std::string& listen) {
  const auto colon = listen.rfind(':');
  if (colon == listen.npos) return EINVAL;
  std::string host = listen.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), listen.c_str() + colon + 1, &hints, &found) != 0) return EINVAL;
  const Fd socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(socket.value(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const int bound = ::bind(socket.value(), found->ai_addr, found->ai_addrlen);
  const int error = bound == 0 ? 0 : errno;
  ::freeaddrinfo(found);
  return error;
}

}  // namespace

Check check_policies(const Paths& paths, const Config& config) {
  const std::string name = "policies";
  const fs::path folder = config.policies ? fs::path(*config.policies) : paths.policies();
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) {
    return {name, Health::Warning, folder.string() + " is no folder: everything stays closed",
            "mkdir -p " + folder.string() + ", and write policies there"};
  }
  const auto parsed = parse::parse_paths({folder.string()});
  const auto errors = parsed.errors();
  if (!errors.empty()) {
    return {name, Health::Bad,
            fmt::format("{} error{}, the first: {}", errors.size(), errors.size() == 1 ? "" : "s",
                        errors.front().text()),
            "bulkhead policy check " + folder.string()};
  }
  const auto cluster = parse::build_cluster(parsed.objects(), config.settings());
  if (!cluster) {
    return {name, Health::Bad, cluster.error().text(), "bulkhead policy check " + folder.string()};
  }
  const std::string found =
      fmt::format("{} policies, {} pods, valid", cluster->policies.size(), cluster->pods.size());
  return {name, Health::Good, found, {}};
}

Check check_addresses(const Config& config) {
  const std::string name = "pod_cidrs";
  if (!config.pod_cidrs.empty()) {
    std::vector<std::string> texts;
    for (const auto& cidr : config.pod_cidrs) texts.push_back(cidr.text());
    return {name, Health::Good, fmt::format("{}", fmt::join(texts, ", ")), {}};
  }
  return {name, Health::Warning,
          "cluster.pod_cidrs is empty: an address that no pod has counts as the outside world",
          "list the address blocks pods draw from under cluster.pod_cidrs"};
}

Check check_paths(const Paths& paths) {
  const std::string name = "paths";
  for (const auto& path : {paths.state(), paths.run(), paths.logs()}) {
    const auto existing = existing_part(path);
    if (::access(existing.c_str(), W_OK) != 0) {
      return {name, Health::Bad, fmt::format("{}: {}", existing.string(), std::strerror(errno)),
              fmt::format("make {} writable for the agent", path.string())};
    }
  }
  return {name, Health::Good, "state, run and log folders can be written", {}};
}

Check check_metrics_port(const Config& config, const api::Client& agent) {
  const std::string name = "metrics_port";
  if (config.metrics_listen == "off") {
    return {name, Health::Good, "not wanted (metrics.listen: off)", {}};
  }
  const int error = listen_error(config.metrics_listen);
  if (error == 0) return {name, Health::Good, config.metrics_listen + " is free", {}};
  if (error == EADDRINUSE && agent.status()) {
    return {name, Health::Good, config.metrics_listen + " is the running agent's", {}};
  }
  return {name, Health::Bad, fmt::format("{}: {}", config.metrics_listen, std::strerror(error)),
          "end what listens there (ss -ltnp), or set metrics.listen to another address"};
}

Check check_network(const Machine& machine) {
  const std::string name = "cni_network";
  const auto files = configurations(machine.networks);
  constexpr const char* kInstall = "install deploy/10-bulkhead.conflist there";
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (our_plugin(read_json(files[i])).is_null()) continue;
    if (i == 0) return {name, Health::Good, files[i].string(), {}};
    return {name, Health::Bad,
            fmt::format("{} sorts before {}, and runtimes take the first", files[0].string(),
                        files[i].filename().string()),
            "rename or remove the other file"};
  }
  return {name, Health::Bad,
          files.empty() ? machine.networks.string() + " holds no network configuration"
                        : "no file in " + machine.networks.string() + " names bulkhead-cni",
          kInstall};
}

Check check_plugins(const Machine& machine) {
  const std::string name = "cni_plugins";
  std::vector<std::string> needed{"bulkhead-cni"};
  for (const auto& file : configurations(machine.networks)) {
    const auto ipam = ipam_type(our_plugin(read_json(file)));
    if (!ipam.empty()) needed.push_back(ipam);
  }
  std::vector<std::string> missing;
  for (const auto& program : needed) {
    if (!is_installed(machine, program)) missing.push_back(program);
  }
  std::vector<std::string> folders;
  for (const auto& folder : machine.plugins) folders.push_back(folder.string());
  if (missing.empty()) {
    return {name, Health::Good, fmt::format("{} are installed", fmt::join(needed, ", ")), {}};
  }
  return {name, Health::Bad,
          fmt::format("{}: not in {}", fmt::join(missing, ", "), fmt::join(folders, " or ")),
          "install them there; IPAM plugins are in Debian's containernetworking-plugins"};
}

}  // namespace bulkhead::control::cli
