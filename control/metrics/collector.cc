// SPDX-License-Identifier: Apache-2.0
#include "control/metrics/collector.h"

#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <mutex>

#include "control/flowlog/flowlog.h"
#include "control/metrics/families.h"
#include "control/metrics/page_counts.h"
#include "control/metrics/process.h"

namespace bulkhead::control::metrics {
namespace {

using dataplane::api::StatsPage;

// Past this many rules, those that never decided anything are left out of a scrape.
constexpr std::size_t kEveryRuleUpTo = 10'000;

constexpr std::uint64_t kHeartbeatLimitNs = 3'000'000'000;

double seconds(std::uint64_t ns) { return static_cast<double>(ns) / 1e9; }

std::uint64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

// Connected, and its control thread has lately been alive.
bool is_up(const StatsPage* page) {
  if (page == nullptr) return false;
  const auto heartbeat = page->heartbeat_ns.load(std::memory_order_relaxed);
  const auto now = monotonic_ns();
  return heartbeat != 0 && (heartbeat > now || now - heartbeat <= kHeartbeatLimitNs);
}

struct PolicyLabels {
  std::string policy_namespace;
  std::string policy;
};

// "Kind/namespace/name/direction/index", without the namespace for cluster-wide kinds; the implicit
// rules belong to the policy "default".
PolicyLabels policy_of(const std::string& rule) {
  std::vector<std::string> parts;
  std::size_t at = 0;
  while (at <= rule.size()) {
    const auto end = std::min(rule.find('/', at), rule.size());
    parts.push_back(rule.substr(at, end - at));
    at = end + 1;
  }
  if (parts.size() >= 5) return {parts[1], parts[2]};
  if (parts.size() == 4) return {"", parts[1]};
  return {"", parts[0]};
}

void add_packets(Families& families, const PageCounts& counts) {
  families.begin_counter("packets_total",
                         "Frames by what became of them: received + generated = sent + dropped + "
                         "consumed + held.");
  for (std::size_t i = 0; i < counts.workers(); ++i) {
    const auto worker = counts.worker(i);
    const auto name = std::to_string(i);
    families.add(worker.received, {{"worker", name}, {"outcome", "received"}});
    families.add(worker.generated, {{"worker", name}, {"outcome", "generated"}});
    families.add(worker.sent, {{"worker", name}, {"outcome", "sent"}});
    families.add(worker.dropped, {{"worker", name}, {"outcome", "dropped"}});
    families.add(worker.consumed, {{"worker", name}, {"outcome", "consumed"}});
  }
  families.begin_counter("worker_seconds_total", "Time of a worker, busy with packets or idle.");
  for (std::size_t i = 0; i < counts.workers(); ++i) {
    const auto worker = counts.worker(i);
    families.add(seconds(worker.busy_ns), {{"worker", std::to_string(i)}, {"state", "busy"}});
    families.add(seconds(worker.idle_ns), {{"worker", std::to_string(i)}, {"state", "idle"}});
  }

  PageCounts::Worker all;
  for (std::size_t i = 0; i < counts.workers(); ++i) {
    const auto worker = counts.worker(i);
    all.events_lost += worker.events_lost;
    all.handed_over += worker.handed_over;
    all.epoch_rechecks += worker.epoch_rechecks;
    std::ranges::transform(all.drops, worker.drops, all.drops.begin(), std::plus<>());
  }
  families.begin_counter("drops_total", "Frames dropped, by the reason.");
  std::uint64_t unknown = 0;
  for (std::size_t number = 1; number < all.drops.size(); ++number) {
    const auto name = name_of(static_cast<DropReason>(number));
    if (name == "unknown") {
      unknown += all.drops[number];  // a newer data plane's reasons
    } else {
      families.add(all.drops[number], {{"reason", std::string(name)}});
    }
  }
  families.add(unknown, {{"reason", "unknown"}});
  families.begin_counter("events_lost_total", "Flow events that found their ring full.");
  families.add(all.events_lost);
  families.begin_counter("handed_over_packets_total",
                         "Frames handed to the worker that owns their flow.");
  families.add(all.handed_over);
  families.begin_counter("flow_rechecks_total",
                         "Packets of open flows decided again because the policy had changed.");
  families.add(all.epoch_rechecks);
}

void add_decisions(Families& families, const PageCounts& counts, const ReadModel& model) {
  families.begin_counter("decisions_total",
                         "Decisions on first packets and, after a change, on open flows, by the "
                         "rule that decided. mode is enforced or staged.");
  families.add(counts.decisions(CounterSlot{0}), {{"direction", ""},
                                                  {"policy_namespace", ""},
                                                  {"policy", ""},
                                                  {"rule", "unknown"},
                                                  {"verdict", "deny"},
                                                  {"mode", "enforced"}});
  if (!model.slots) return;
  const bool is_every = model.slots->size() <= kEveryRuleUpTo;
  std::map<std::uint32_t, const compile::SlotInfo*> slots;  // each number once
  for (const auto& info : *model.slots) slots.emplace(info.slot.value, &info);
  for (const auto& [number, info] : slots) {
    const auto count = counts.decisions(CounterSlot{number});
    if (number == 0 || (count == 0 && !is_every)) continue;
    const auto [policy_namespace, policy] = policy_of(info->rule);
    families.add(count, {{"direction", std::string(name_of(info->direction))},
                         {"policy_namespace", policy_namespace},
                         {"policy", policy},
                         {"rule", info->rule},
                         {"verdict", std::string(name_of(info->verdict))},
                         {"mode", info->staged ? "staged" : "enforced"}});
  }
}

void add_flows(Families& families, const StatsPage* page, const flowlog::FlowLog& flows) {
  const auto traffic = flows.traffic();
  families.begin_counter("flow_packets_total",
                         "Packets of tracked flows, both directions, by the namespaces of their "
                         "ends; empty for an end that is no pod.");
  for (const auto& [pair, account] : traffic) {
    families.add(account.packets,
                 {{"source_namespace", pair.first}, {"destination_namespace", pair.second}});
  }
  families.begin_counter("flow_bytes_total",
                         "IP bytes of tracked flows, both directions, by the namespaces of their "
                         "ends; empty for an end that is no pod.");
  for (const auto& [pair, account] : traffic) {
    families.add(account.bytes,
                 {{"source_namespace", pair.first}, {"destination_namespace", pair.second}});
  }
  families.begin_counter("flow_log_lost_lines_total",
                         "Flow records that could not be written to the log file.");
  families.add(flows.lost_lines());
  if (page == nullptr) return;

  std::uint64_t tcp = 0, udp = 0, sctp = 0, icmp = 0, capacity = 0;
  families.begin_gauge("packets_held", "Fragments waiting for the first of their datagram.");
  const std::size_t workers = std::min<std::size_t>(page->workers, dataplane::api::kMaxWorkers);
  for (std::size_t i = 0; i < workers; ++i) {
    const auto& worker = page->worker[i];
    tcp += worker.flows_tcp.load(std::memory_order_relaxed);
    udp += worker.flows_udp.load(std::memory_order_relaxed);
    sctp += worker.flows_sctp.load(std::memory_order_relaxed);
    icmp += worker.flows_icmp.load(std::memory_order_relaxed);
    capacity += worker.flow_capacity.load(std::memory_order_relaxed);
    families.add(worker.held.load(std::memory_order_relaxed), {{"worker", std::to_string(i)}});
  }
  families.begin_gauge("flows", "Flows that are tracked now, by protocol.");
  families.add(tcp, {{"protocol", "TCP"}});
  families.add(udp, {{"protocol", "UDP"}});
  families.add(sctp, {{"protocol", "SCTP"}});
  families.add(icmp, {{"protocol", "ICMP"}});
  families.begin_gauge("flow_capacity", "Flows that can be tracked at once.");
  families.add(capacity);
}

void add_policy(Families& families, const ReadModel& model) {
  families.begin_gauge("policy_revision",
                       "Number of the policy table: compiled (desired), checked (verified), in "
                       "force in every worker (acknowledged), on the data plane's page "
                       "(dataplane).");
  families.add(model.revision_desired, {{"stage", "desired"}});
  families.add(model.revision_verified, {{"stage", "verified"}});
  families.add(model.revision_acknowledged, {{"stage", "acknowledged"}});
  if (model.stats) {
    families.add(model.stats->revision.load(std::memory_order_relaxed), {{"stage", "dataplane"}});
    families.begin_gauge("policy_epoch", "Rises with every table and every identity change.");
    families.add(model.stats->epoch.load(std::memory_order_relaxed));
  }
  families.begin_histogram("policy_publish_seconds",
                           "From a change of the inputs to the last worker's acknowledgement.");
  families.add(model.publish_seconds);
  families.begin_counter("policy_rejected_total",
                         "Inputs and tables that were refused, by the cause; the previous good "
                         "state stayed in force.");
  // A cause that has not happened yet is zero, not absent: alerts need the difference.
  std::map<std::string, std::uint64_t> rejected{
      {"parse", 0}, {"compile", 0}, {"verify", 0}, {"publish", 0}};
  for (const auto& [cause, count] : model.rejected) rejected[cause] = count;
  for (const auto& [cause, count] : rejected) families.add(count, {{"cause", cause}});
  families.begin_gauge("policy_stale_seconds",
                       "How long the table in force has been older than the wished one.");
  families.add(model.stale_seconds);
  families.begin_gauge("policy_verified_ratio",
                       "Share of the table in force that the second reader has checked.");
  families.add(model.verified_ratio);
}

void add_endpoints(Families& families, const ReadModel& model) {
  families.begin_gauge("endpoints", "Pod interfaces on this node, by state.");
  for (const auto& [state, count] : model.endpoints) families.add(count, {{"state", state}});
  if (model.port_kernel_drops) {
    families.begin_counter("port_kernel_drops_total",
                           "Frames the kernel dropped at our ports because they were not read.");
    families.add(*model.port_kernel_drops);
  }
  families.begin_histogram("cni_seconds",
                           "Duration of CNI calls in the agent, by verb and outcome.");
  for (const auto& row : model.cni) {
    families.add(row.seconds, {{"verb", row.verb}, {"code", row.code}});
  }
}

void add_processes(Families& families, const StatsPage* page) {
  std::map<std::string, ProcessReport> programs;
  if (const auto report = read_process(static_cast<std::uint32_t>(::getpid()))) {
    programs.emplace("agent", *report);
  }
  if (page != nullptr && page->pid != 0) {
    if (const auto report = read_process(page->pid)) programs.emplace("dataplane", *report);
  }
  const auto add_all = [&](auto value) {
    for (const auto& [program, report] : programs) {
      families.add(value(report), {{"program", program}});
    }
  };
  families.begin_counter("process_cpu_seconds_total", "Processor time, user and system.");
  add_all([](const auto& report) { return report.cpu_seconds; });
  families.begin_gauge("process_resident_memory_bytes", "Resident memory.");
  add_all([](const auto& report) { return report.resident_bytes; });
  families.begin_gauge("process_virtual_memory_bytes", "Virtual memory.");
  add_all([](const auto& report) { return report.virtual_bytes; });
  families.begin_gauge("process_start_time_seconds", "When it started, in seconds since 1970.");
  add_all([](const auto& report) { return report.start_time_seconds; });
  families.begin_gauge("process_threads", "Threads.");
  add_all([](const auto& report) { return report.threads; });
  families.begin_gauge("process_open_fds", "Open file descriptors.");
  for (const auto& [program, report] : programs) {
    if (report.open_fds) families.add(*report.open_fds, {{"program", program}});
  }
  families.begin_gauge("process_max_fds", "File descriptors that may be open.");
  for (const auto& [program, report] : programs) {
    if (report.max_fds) families.add(*report.max_fds, {{"program", program}});
  }
}

}  // namespace

struct Collector::State {
  const Source& source;
  const flowlog::FlowLog& flows;
  std::string version;
  std::mutex mutex;  // over everything below
  PageCounts counts;
  std::shared_ptr<const SlotNames> named;  // as `counts` knows them
};

Collector::Collector(const Source& source, const flowlog::FlowLog& flows, std::string version)
    : state_(new State{source, flows, std::move(version), {}, {}, {}}) {}
Collector::~Collector() = default;

void Collector::remember(const StatsPage& page) {
  const std::lock_guard lock(state_->mutex);
  state_->counts.take(page);
}

std::vector<prometheus::MetricFamily> Collector::Collect() const {
  const std::lock_guard lock(state_->mutex);
  const ReadModel model = state_->source.read();
  PageCounts& counts = state_->counts;
  if (model.slots && model.slots != state_->named) {
    counts.name_slots(*model.slots);
    state_->named = model.slots;
  }
  const StatsPage* page = model.stats.get();
  if (page != nullptr) counts.take(*page);

  Families families;
  families.begin_gauge("build_info", "Always 1; the labels say what runs.");
  families.add(1, {{"version", state_->version}});
  families.begin_gauge("dataplane_up", "1 while a data plane is connected and alive.");
  families.add(is_up(page) ? 1 : 0);
  add_packets(families, counts);
  add_decisions(families, counts, model);
  add_flows(families, page, state_->flows);
  add_policy(families, model);
  add_endpoints(families, model);
  add_processes(families, page);
  return families.take();
}

}  // namespace bulkhead::control::metrics
