// SPDX-License-Identifier: Apache-2.0
#include <time.h>

#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "dataplane/api/memory.h"
#include "dataplane/api/server/log.h"
#include "dataplane/api/server/server.h"
#include "dataplane/options.h"
#include "dataplane/process.h"

namespace bulkhead::dataplane {
namespace {

constexpr std::size_t kFlowAlignment = 4096;

std::uint64_t clock_ns(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

EalSettings eal_settings(const Options& options) {
  constexpr std::size_t kMegabyte = 1 << 20;
  static_assert(api::megabytes_needed(1, false) * kMegabyte > pool_bytes_per_worker());
  static_assert(api::megabytes_needed(4, false) * kMegabyte > 4 * pool_bytes_per_worker());
  static_assert(api::megabytes_needed(4, true) * kMegabyte >
                4 * pool_bytes_per_worker() + small_pool_bytes());
  return {options.memory, api::megabytes_needed(options.workers, !options.ports.empty()),
          options.ports};
}

// The flows of all workers, in one file.
struct Flows {
  Mapping memory;
  std::vector<FlowTable> tables;
  HashKey steering{};
};

Result<Flows> open_flows(const Options& options) {
  Flows flows;
  const std::uint64_t each = options.flows_max / options.workers;
  const std::size_t needed = FlowTable::bytes_needed(each);
  const std::size_t stride = (needed + kFlowAlignment - 1) / kFlowAlignment * kFlowAlignment;
  auto memory = map_flows(options.flows(), stride * options.workers);
  if (!memory) return tl::unexpected(memory.error());
  flows.memory = std::move(*memory);
  FlowTableConfig config;
  config.max_flows = each;
  config.workers = static_cast<std::uint8_t>(options.workers);
  config.key = random_hash_key();
  config.steering = random_hash_key();
  config.now = {clock_ns(CLOCK_BOOTTIME), clock_ns(CLOCK_REALTIME)};
  for (std::size_t worker = 0; worker < options.workers; ++worker) {
    config.worker = static_cast<std::uint8_t>(worker);
    auto table = FlowTable::open(flows.memory.bytes().subspan(worker * stride, needed), config);
    if (!table) return fail_at(options.flows(), "{}", table.error().text());
    log_info("flows of worker {}: {}, {} of {} in use", worker,
             table->start() == FlowTable::Start::Cold ? "cold start" : "taken over", table->size(),
             table->capacity());
    // A cold worker among taken-over ones must steer like them.
    if (worker == 0) config.steering = table->steering_key();
    flows.tables.push_back(std::move(*table));
  }
  flows.steering = flows.tables.front().steering_key();
  return flows;
}

// Everything that lives as long as the data plane, in the order it is made.
struct Plane {
  std::unique_ptr<BufferPool> small_buffers;
  std::vector<std::unique_ptr<BufferPool>> buffers;
  std::vector<std::unique_ptr<EthdevPort>> ethdevs;
  std::unique_ptr<HandOff> handoff;
  SharedMemory shared;
  Fd events_wakeup;
  Flows flows;
  std::unique_ptr<Notices> notices;
  AddressMap addresses{kMaxAddresses};
  std::unique_ptr<Publisher> publisher;
  std::vector<std::unique_ptr<Worker>> workers;
};

Status make_ports(const Options& options, Plane& plane) {
  for (std::size_t worker = 0; worker < options.workers; ++worker) {
    const std::string name = "frames" + std::to_string(worker);
    auto pool = BufferPool::make(name.c_str(), kBuffersPerWorker, kBufferBytes);
    if (!pool) return tl::unexpected(pool.error());
    plane.buffers.push_back(std::move(*pool));
  }
  if (options.ports.empty()) return {};
  auto small = BufferPool::make("small", kSmallBuffers, kSmallBufferBytes);
  if (!small) return tl::unexpected(small.error());
  plane.small_buffers = std::move(*small);
  for (const std::string& devargs : options.ports) {
    auto port = EthdevPort::open(devargs, options.workers, *plane.small_buffers);
    if (!port) return tl::unexpected(port.error());
    plane.ethdevs.push_back(std::move(*port));
  }
  return {};
}

Status make_shared_parts(const Options& options, Plane& plane) {
  auto handoff = HandOff::make(options.workers);
  if (!handoff) return tl::unexpected(handoff.error());
  plane.handoff = std::move(*handoff);
  auto shared = SharedMemory::make(options.workers);
  if (!shared) return tl::unexpected(shared.error());
  plane.shared = std::move(*shared);
  plane.shared.stats().started_ns.store(clock_ns(CLOCK_REALTIME), std::memory_order_relaxed);
  plane.events_wakeup = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!plane.events_wakeup.is_open()) return fail("eventfd: {}", std::strerror(errno));
  auto flows = open_flows(options);
  if (!flows) return tl::unexpected(flows.error());
  plane.flows = std::move(*flows);
  auto notices = Notices::make();
  if (!notices) return tl::unexpected(notices.error());
  plane.notices = std::move(*notices);
  plane.publisher = std::make_unique<Publisher>(options.workers, plane.addresses);
  return {};
}

WorkerConfig worker_config(const Options& options, const IoProbe& io, Plane& plane,
                           std::size_t index) {
  api::StatsPage& stats = plane.shared.stats();
  WorkerConfig config;
  config.pipeline.worker = static_cast<std::uint8_t>(index);
  config.pipeline.workers = static_cast<std::uint8_t>(options.workers);
  config.pipeline.steering_key = plane.flows.steering;
  config.pipeline.flows = &plane.flows.tables[index];
  config.pipeline.buffers = plane.buffers[index].get();
  config.pipeline.decisions = stats.decisions[index];
  config.pipeline.events = &plane.shared.events().ring[index];
  config.poll = options.poll;
  config.io = io.method;
  config.buffers = plane.buffers[index].get();
  config.publisher = plane.publisher.get();
  config.addresses = &plane.addresses;
  config.handoff = plane.handoff.get();
  config.stats = &stats.worker[index];
  config.port_stats = stats.port[index];
  config.events_fd = plane.events_wakeup.value();
  config.prepare_thread = []() -> Status {
    if (auto registered = register_worker_thread(); !registered) return registered;
    return drop_capabilities();
  };
  config.on_vanished = [&plane](PortId port, std::uint32_t generation, int error_number) {
    plane.notices->post({port, generation, error_number});
  };
  config.wake_worker = [&plane](std::uint8_t worker) { plane.workers[worker]->wake(); };
  return config;
}

Status start_workers(const Options& options, const IoProbe& io, Plane& plane) {
  for (std::size_t index = 0; index < options.workers; ++index) {
    plane.workers.push_back(std::make_unique<Worker>(worker_config(options, io, plane, index)));
  }
  for (const auto& worker : plane.workers) {
    if (auto started = worker->start(); !started) return in_context("worker", started.error());
  }
  return {};
}

Keeper::Parts keeper_parts(Plane& plane) {
  Keeper::Parts parts;
  parts.publisher = plane.publisher.get();
  parts.addresses = &plane.addresses;
  for (const auto& worker : plane.workers) parts.workers.push_back(worker.get());
  for (const auto& ethdev : plane.ethdevs) parts.ethdevs.push_back(ethdev.get());
  return parts;
}

Status run(const Options& options) {
  const std::uint64_t begun_ns = clock_ns(CLOCK_MONOTONIC);
  auto signals = take_signals();
  if (!signals) return tl::unexpected(signals.error());
  auto lock = lock_root(options.lock());
  if (!lock) return tl::unexpected(lock.error());
  if (auto raised = raise_descriptor_limit(); !raised) return raised;
  auto io = probe_io(options.io);
  if (!io) return tl::unexpected(io.error());
  const EalSettings eal = eal_settings(options);
  auto memory = choose_memory(eal);
  if (!memory) return tl::unexpected(memory.error());

  // Devices may need privileges to open; without any, EAL's own threads start without them too.
  if (options.ports.empty()) {
    if (auto dropped = drop_capabilities(); !dropped) return dropped;
  }
  if (auto started = start_eal(eal, *memory); !started) return started;
  Plane plane;
  if (auto made = make_ports(options, plane); !made) return made;
  if (auto dropped = drop_capabilities(); !dropped) return dropped;
  if (auto made = make_shared_parts(options, plane); !made) return made;
  if (auto started = start_workers(options, *io, plane); !started) return started;

  Keeper keeper(keeper_parts(plane));
  auto listener = api::listen_at(options.socket());
  if (!listener) return tl::unexpected(listener.error());
  log_info("ready in {} ms: {} workers, io {} ({}), memory {} ({}), closed until a table comes",
           (clock_ns(CLOCK_MONOTONIC) - begun_ns) / 1'000'000, options.workers,
           io->method == IoMethod::Uring ? "io_uring" : "epoll", io->reason,
           memory->uses_hugepages ? "hugepages" : "plain", memory->reason);
  Server server({std::move(*listener),
                 std::move(*signals),
                 {&plane.shared, plane.events_wakeup.value(), *io},
                 &keeper,
                 plane.notices.get()});
  server.run();

  for (const auto& worker : plane.workers) worker->stop();
  for (FlowTable& table : plane.flows.tables) table.mark_clean();
  log_info("ended; the flows are kept in {}", options.flows().native());
  return {};
}

}  // namespace
}  // namespace bulkhead::dataplane

int main(int argc, char** argv) {
  using namespace bulkhead::dataplane;
  const ParsedOptions parsed = parse_options(argc, argv);
  if (!parsed.options) return parsed.exit_code;
  start_log();
  if (auto ended = run(*parsed.options); !ended) {
    log_error("{}", ended.error().text());
    return 1;
  }
  return 0;
}
