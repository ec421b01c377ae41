// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "dataplane/api/stats.h"
#include "dataplane/port/port.h"
#include "dataplane/publish/address_map.h"
#include "dataplane/publish/publisher.h"
#include "dataplane/worker/handoff.h"
#include "dataplane/worker/idle.h"
#include "dataplane/worker/pipeline.h"

namespace bulkhead::dataplane {

// What a worker runs with; everything pointed to is borrowed and outlives it.
struct WorkerConfig {
  PipelineConfig pipeline;  // `counters` is the worker's own and filled in by it
  PollMode poll = PollMode::Adaptive;
  IoMethod io = IoMethod::Epoll;
  BufferPool* buffers = nullptr;
  Publisher* publisher = nullptr;
  const AddressMap* addresses = nullptr;
  HandOff* handoff = nullptr;
  api::WorkerStats* stats = nullptr;
  std::span<api::PortStats> port_stats;  // by PortId::value
  int events_fd = -1;                    // signalled when a sleeping reader has events
  // On the worker's thread, once, before it serves.
  std::function<Status()> prepare_thread = [] { return Status(); };
  // On the worker's thread: the device of a port went away.
  std::function<void(PortId, std::uint32_t generation, int error_number)> on_vanished;
  // Wakes another worker; set by whoever owns them all.
  std::function<void(std::uint8_t worker)> wake_worker;
};

// One thread that polls its queue of every port, runs the pipeline over each burst, sends what
// leaves, and sleeps when nothing comes. The functions are the control thread's.
class Worker {
 public:
  explicit Worker(WorkerConfig config);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Starts the thread; returns when it serves, or why it cannot.
  [[nodiscard]] Status start();
  void stop();

  // Each returns when the worker has done it, between two bursts. `fd` stays open until detach.
  [[nodiscard]] Status attach_tap(PortId port, std::uint32_t generation, int fd);
  void attach_queue(PortId port, std::uint32_t generation, std::unique_ptr<PolledQueue> queue);
  // The same device, another endpoint. False when the device is gone already.
  [[nodiscard]] bool renew(PortId port, std::uint32_t generation);
  // Frames that arrive for the port later are dropped as port_down.
  void detach(PortId port);

  // Any thread.
  void wake();

 private:
  enum class Kind : std::uint8_t { None, Tap, Polled };
  struct Port {
    Kind kind = Kind::None;
    std::uint32_t generation = 0;
    std::unique_ptr<PolledQueue> queue;
    std::vector<rte_mbuf*> outgoing;  // of this turn, Polled only
  };

  void serve();
  bool turn(Now now);
  void run(Now now);
  void settle();
  void settle_released(Now now);
  void hand_over(std::size_t i);
  void transmit(rte_mbuf* frame, PortId port);
  void drain_outbox();
  void send_polled();
  void sleep(Now now);
  void report_vanished();
  void store_counters();
  [[nodiscard]] Status between_bursts(std::function<Status()> command);
  void run_commands();

  WorkerConfig config_;
  std::uint8_t index_;
  std::jthread thread_;
  std::atomic<bool> must_stop_{false};

  // Commands of the control thread; `has_command_` is what the worker looks at each turn.
  std::mutex mutex_;
  std::condition_variable done_;
  std::function<Status()> command_;
  Status answer_;
  bool is_answered_ = false;
  std::atomic<bool> has_command_{false};

  // The worker's own.
  WorkerCounters counters_;
  Ledger ledger_;
  std::unique_ptr<TapIo> io_;
  std::unique_ptr<Pipeline> pipeline_;
  Batch batch_;
  std::vector<Port> ports_;     // by PortId::value
  std::vector<PortId> polled_;  // those without a file descriptor
  std::vector<Outgoing> outgoing_;
  std::uint64_t fragments_held_ = 0;
  std::uint64_t last_tick_ns_ = 0;
  Idle idle_;
};

}  // namespace bulkhead::dataplane
