// SPDX-License-Identifier: Apache-2.0
#include <signal.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <thread>

#include "control/agent/agent.h"
#include "control/agent/options.h"
#include "control/agent/process_lock.h"
#include "control/agent/supervisor.h"
#include "control/agent/version.h"
#include "control/api/server.h"
#include "control/config/dataplane_flags.h"
#include "control/endpoint/wiring.h"
#include "control/flowlog/audit.h"
#include "control/metrics/http.h"
#include "policy/base/whole_file.h"

namespace {

using namespace bulkhead;
using namespace bulkhead::control;

constexpr int kFailure = 1;

int give_up(const Error& error) {
  std::fprintf(stderr, "bulkhead-agent: %s\n", error.text().c_str());
  return kFailure;
}

std::vector<api::RoleGrant> grants_of(const Config& config) {
  std::vector<api::RoleGrant> grants;
  for (const auto& rule : config.roles) {
    const auto role = api::role_named(rule.role);
    if (role) grants.push_back({*role, rule.uid, rule.gid, rule.namespaces});
  }
  return grants;
}

// SIGTERM and SIGINT are taken by one thread and end the loop; no handler ever runs.
sigset_t block_ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return signals;
}

std::filesystem::path dataplane_program(const agent::Options& options) {
  if (!options.dataplane.empty()) return options.dataplane;
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return self.parent_path() / "bulkhead-dataplane";
}

// The end of a node's life with Bulkhead: what outlives both programs goes.
int unwire(const Config& config, const Paths& paths) {
  const auto idle = agent::lock_process_file(paths.run() / "dataplane.lock", "bulkhead-dataplane");
  if (!idle) return give_up(idle.error());
  endpoint::HostLinkSettings settings;
  settings.instance = config.instance;
  settings.record_folder = paths.run();
  const auto unwired = endpoint::unwire_host(settings);
  return unwired ? 0 : give_up(unwired.error());
}

// What the unit of the data plane asks for before each start. A configuration that cannot be read
// leaves the flags of the last one that could.
int write_flags(const Config& config, const Paths& paths) {
  const auto text = dataplane_environment(config, paths);
  if (!text) return give_up(text.error());
  std::error_code ignored;  // the file says what is wrong with its folder
  std::filesystem::create_directories(paths.run(), ignored);
  const auto written = write_whole(paths.run() / "dataplane.env", *text, Durability::Process);
  return written ? 0 : give_up(written.error());
}

int run(const agent::Options& options) {
  const Paths paths{options.root};
  const auto config = load_config(options.config.empty() ? paths.config() : options.config);
  if (!config) return give_up(config.error());
  if (options.writes_flags) return write_flags(*config, paths);
  const auto lock = agent::lock_process_file(paths.run() / "agent.lock", "bulkhead-agent");
  if (!lock) return give_up(lock.error());
  if (options.unwires) return unwire(*config, paths);
  const sigset_t signals = block_ending_signals();

  agent::Log log(paths.logs() / "errors.jsonl");
  auto stored = agent::load_stored(*config, paths, log);
  if (!stored) return give_up(stored.error());

  agent::SharedView view;
  flowlog::FlowLogSettings flow_settings;
  flow_settings.file = paths.logs() / "flows.jsonl";
  flowlog::FlowLog flows(view, flow_settings);
  metrics::Collector collector(view, flows, std::string(agent::kVersion));
  flowlog::AuditLog audit(paths.logs() / "audit.jsonl");

  std::optional<agent::Supervisor> supervisor;
  if (options.supervises) {
    supervisor.emplace(dataplane_program(options), config_flags_for_dataplane(*config, paths),
                       paths.dataplane_socket(), log);
  }
  agent::Loop loop;
  agent::Control control({*config, paths, log, view, flows, collector}, std::move(*stored));
  agent::Agent service(loop, control, view);

  api::ServerSettings settings;
  settings.socket = paths.agent_socket();
  settings.roles = grants_of(*config);
  settings.on_attachment = [&view](std::string_view verb, std::string_view code, double seconds) {
    view.cni().observe(verb, code, seconds);
  };
  auto server = api::Server::start(service, flows, audit, settings);
  if (!server) return give_up(server.error());
  std::unique_ptr<metrics::HttpServer> scrape;
  if (config->metrics_listen != "off") {
    auto started = metrics::HttpServer::start(config->metrics_listen, view, collector);
    if (!started) return give_up(started.error());
    scrape = std::move(*started);
  }

  std::jthread ending([&loop, signals] {
    int signal = 0;
    ::sigwait(&signals, &signal);
    loop.stop();
  });
  log.info("bulkhead-agent runs",
           {{"version", std::string(agent::kVersion)}, {"root", paths.root.native()}});
  loop.run([&control] { return control.waits(); },
           [&control](agent::Time now) { control.step(now); });
  log.info("bulkhead-agent ends", {{"data_plane", options.supervises ? "is ended" : "goes on"}});
  flows.close_subscriptions();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = agent::read_options(argc, argv);
  if (const int* code = std::get_if<int>(&options)) return *code;
  return run(std::get<agent::Options>(options));
}
