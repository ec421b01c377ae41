// SPDX-License-Identifier: Apache-2.0
#include "control/cli/preflight.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "control/cli/commands.h"

namespace bulkhead::control::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string_view name_of(Health health) {
  switch (health) {
    case Health::Good:
      return "good";
    case Health::Warning:
      return "warning";
    case Health::Bad:
      return "bad";
  }
  return "bad";
}

bool is_ready(const std::vector<Check>& checks) {
  return std::ranges::none_of(checks,
                              [](const Check& check) { return check.health == Health::Bad; });
}

}  // namespace

std::string json_of(const std::vector<Check>& checks) {
  Json json;
  json["ready"] = is_ready(checks);
  json["checks"] = Json::array();
  for (const auto& check : checks) {
    Json one;
    one["name"] = check.name;
    one["health"] = name_of(check.health);
    one["found"] = check.found;
    one["mend"] = check.mend;
    json["checks"].push_back(std::move(one));
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<Check> preflight(const Paths& paths, const Machine& machine, const api::Client& agent) {
  const auto read = load_config(paths.config());
  const Config config = read ? *read : Config{};
  std::error_code ignored;
  const bool has_file = std::filesystem::exists(paths.config(), ignored);
  Check written{"config",
                Health::Good,
                has_file ? paths.config().string() + " is valid"
                         : paths.config().string() + " is not there: the defaults hold",
                {}};
  if (!read) written = {"config", Health::Bad, read.error().text(), "mend this line"};
  return {written,
          check_policies(paths, config),
          check_addresses(config),
          check_paths(paths),
          check_metrics_port(config, agent),
          check_capabilities(machine),
          check_tun(machine),
          check_io_uring(machine, config),
          check_memory(machine, config),
          check_ipv6(machine),
          check_masquerade(config),
          check_processors(config),
          check_descriptors(),
          check_network(machine),
          check_plugins(machine)};
}

Exit run(const Preflight& command, const api::Client& agent, const Output& output) {
  const auto checks = preflight(Paths{command.root}, Machine{}, agent);
  const Exit end = is_ready(checks) ? Exit::Good : Exit::Findings;
  if (output.format == Format::Json) {
    output.out << json_of(checks) << '\n';
    return end;
  }
  for (const auto& check : checks) {
    const auto health = fmt::format("{:<7}", name_of(check.health));
    output.out << (check.health == Health::Bad ? red(output, health) : health) << "  "
               << printable(check.name) << ": " << printable(check.found) << '\n';
    if (!check.mend.empty()) output.out << "         fix: " << printable(check.mend) << '\n';
  }
  output.out << (end == Exit::Good ? "this node can enforce\n" : "this node cannot enforce yet\n");
  return end;
}

}  // namespace bulkhead::control::cli
