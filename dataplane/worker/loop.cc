// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker/loop.h"

#include <pthread.h>
#include <rte_mbuf.h>
#include <sys/eventfd.h>
#include <time.h>

#include <future>
#include <string>

namespace bulkhead::dataplane {
namespace {

constexpr std::uint64_t kTickNs = 10'000'000;       // ageing while there is traffic
constexpr std::uint64_t kIdleTickNs = 100'000'000;  // ageing while asleep, when flows live
constexpr std::chrono::nanoseconds kNap{50'000};    // a port that must be asked allows no more

std::uint64_t read_clock(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

Now read_clocks() { return {read_clock(CLOCK_BOOTTIME), read_clock(CLOCK_REALTIME)}; }

}  // namespace

Worker::Worker(WorkerConfig config)
    : config_(std::move(config)),
      index_(config_.pipeline.worker),
      ports_(api::kMaxPorts),
      idle_(config_.poll) {
  config_.pipeline.counters = &counters_;
  outgoing_.reserve(kBatchSize + Outbox::kCapacity);
}

Worker::~Worker() { stop(); }

Status Worker::start() {
  std::promise<Status> started;
  auto answer = started.get_future();
  thread_ = std::jthread([this, &started] {
    pthread_setname_np(pthread_self(), ("worker" + std::to_string(index_)).c_str());
    Status ready = config_.prepare_thread();
    if (ready) {
      auto io = make_tap_io(config_.io, *config_.buffers, ledger_);
      if (io) {
        io_ = std::move(*io);
        pipeline_ = std::make_unique<Pipeline>(config_.pipeline);
      } else {
        ready = tl::unexpected(io.error());
      }
    }
    const bool is_ready = ready.has_value();
    started.set_value(std::move(ready));
    if (is_ready) serve();
  });
  return answer.get();
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  must_stop_.store(true, std::memory_order_release);
  wake();
  thread_.join();
}

// Under the lock that also guards the end of io_: a worker that stops may be woken by its siblings.
void Worker::wake() {
  const std::lock_guard lock(mutex_);
  if (io_) io_->wake();
}

Status Worker::between_bursts(std::function<Status()> command) {
  std::unique_lock lock(mutex_);
  command_ = std::move(command);
  is_answered_ = false;
  has_command_.store(true, std::memory_order_seq_cst);
  io_->wake();
  done_.wait(lock, [this] { return is_answered_; });
  return answer_;
}

void Worker::run_commands() {
  const std::lock_guard lock(mutex_);
  has_command_.store(false, std::memory_order_relaxed);
  if (!command_) return;
  answer_ = command_();
  command_ = nullptr;
  is_answered_ = true;
  done_.notify_one();
}

Status Worker::attach_tap(PortId port, std::uint32_t generation, int fd) {
  return between_bursts([=, this]() -> Status {
    if (auto attached = io_->attach(port, fd); !attached) return attached;
    ports_[port.value].kind = Kind::Tap;
    ports_[port.value].generation = generation;
    ledger_.restart(port, generation);
    return {};
  });
}

void Worker::attach_queue(PortId port, std::uint32_t generation,
                          std::unique_ptr<PolledQueue> queue) {
  (void)between_bursts([&]() -> Status {
    ports_[port.value] = {Kind::Polled, generation, std::move(queue), {}};
    ports_[port.value].outgoing.reserve(kBatchSize + Outbox::kCapacity);
    polled_.push_back(port);
    ledger_.restart(port, generation);
    return {};
  });
}

bool Worker::renew(PortId port, std::uint32_t generation) {
  bool is_there = false;
  (void)between_bursts([&]() -> Status {
    is_there = ports_[port.value].kind != Kind::None;
    ports_[port.value].generation = generation;
    ledger_.restart(port, generation);
    return {};
  });
  return is_there;
}

void Worker::detach(PortId port) {
  (void)between_bursts([=, this]() -> Status {
    if (ports_[port.value].kind == Kind::Tap) io_->detach(port);
    std::erase(polled_, port);
    ports_[port.value] = Port{};
    return {};
  });
}

void Worker::serve() {
  config_.publisher->enter(index_);
  Now now = read_clocks();
  while (!must_stop_.load(std::memory_order_acquire)) {
    if (has_command_.load(std::memory_order_acquire)) run_commands();
    const bool found_work = turn(now);
    config_.publisher->quiescent(index_);
    const Now after = read_clocks();
    (found_work ? counters_.busy_ns : counters_.idle_ns) += after.monotonic_ns - now.monotonic_ns;
    now = after;
    if (idle_.wants_sleep(now.monotonic_ns, found_work)) {
      sleep(now);
      now = read_clocks();
    }
  }
  config_.publisher->leave(index_);
  {
    // The ring belongs to this thread, and so does its end.
    const std::lock_guard lock(mutex_);
    io_.reset();
  }
  store_counters();
}

// One look at everything that can bring packets. True when something did.
bool Worker::turn(Now now) {
  ++counters_.polls;
  batch_.size = 0;
  batch_.handed_over.fill(false);
  config_.handoff->take(index_, batch_);
  io_->receive(batch_);
  bool found_work = batch_.size > 0;
  if (found_work) run(now);
  for (const PortId port : polled_) {
    batch_.handed_over.fill(false);
    batch_.size = static_cast<std::uint16_t>(ports_[port.value].queue->receive(batch_.mbuf));
    batch_.in_port.fill(port);
    if (batch_.size == 0) continue;
    found_work = true;
    run(now);
  }
  bool has_ticked = false;
  if (now.monotonic_ns - last_tick_ns_ >= kTickNs) {
    last_tick_ns_ = now.monotonic_ns;
    pipeline_->tick(config_.publisher->read(), now);
    drain_outbox();
    settle_released(now);
    has_ticked = true;
  }
  if (!outgoing_.empty()) {
    io_->send(outgoing_);
    outgoing_.clear();
    io_->flush();
  }
  send_polled();
  report_vanished();
  if (found_work || has_ticked) {
    store_counters();
    if (pipeline_->take_wakeup()) eventfd_write(config_.events_fd, 1);
  }
  return found_work;
}

void Worker::run(Now now) {
  for (std::size_t i = 0; i < batch_.size; ++i) {
    if (!batch_.handed_over[i]) ledger_.received(batch_.in_port[i], batch_.mbuf[i]->pkt_len);
  }
  // The epoch first: a table read after it is at least as new, so no flow can remember an epoch
  // that is newer than what decided it.
  const Epoch epoch = config_.addresses->epoch();
  const Snapshot& snapshot = config_.publisher->read();
  batch_.is_released = false;
  pipeline_->run(batch_, snapshot, epoch, now);
  counters_.received += batch_.size;
  settle();
  drain_outbox();
  settle_released(now);
}

void Worker::settle_released(Now now) {
  const Epoch epoch = config_.addresses->epoch();
  const Snapshot& snapshot = config_.publisher->read();
  while (const std::size_t count = pipeline_->release_held(batch_, snapshot, epoch, now)) {
    fragments_held_ -= count;
    settle();
    drain_outbox();
  }
}

// Acts on the fate of every packet of the batch.
void Worker::settle() {
  for (std::size_t i = 0; i < batch_.size; ++i) {
    rte_mbuf* const packet = batch_.mbuf[i];
    switch (batch_.fate[i]) {
      case Fate::Forward:
        transmit(packet, batch_.out_port[i]);
        break;
      case Fate::Drop:
        ledger_.dropped(batch_.in_port[i], batch_.reason[i]);
        rte_pktmbuf_free(packet);
        break;
      case Fate::Consume:
        ++counters_.consumed;
        rte_pktmbuf_free(packet);
        break;
      case Fate::HandOver:
        hand_over(i);
        break;
      case Fate::Hold:
        ++fragments_held_;
        break;
    }
  }
}

void Worker::hand_over(std::size_t i) {
  const std::uint8_t owner = batch_.owner[i];
  if (!config_.handoff->put(owner, batch_.mbuf[i], batch_.in_port[i], batch_.generation[i])) {
    ledger_.dropped(batch_.in_port[i], DropReason::HandoffFull);
    rte_pktmbuf_free(batch_.mbuf[i]);
    return;
  }
  --counters_.received;  // the owner counts it
  ++counters_.handed_over;
  if (config_.handoff->sleeps(owner)) config_.wake_worker(owner);
}

void Worker::transmit(rte_mbuf* frame, PortId port) {
  Port& out = ports_[port.value % ports_.size()];
  switch (out.kind) {
    case Kind::Tap:
      outgoing_.push_back({frame, port});
      break;
    case Kind::Polled:
      out.outgoing.push_back(frame);
      break;
    case Kind::None:
      ledger_.dropped(port, DropReason::PortDown);
      rte_pktmbuf_free(frame);
      break;
  }
}

void Worker::drain_outbox() {
  Outbox& outbox = pipeline_->outbox();
  for (std::size_t i = 0; i < outbox.size(); ++i) {
    ++counters_.generated;
    if (outbox[i].buffer == nullptr) {
      ledger_.dropped(outbox[i].port, DropReason::NoBuffer);
      continue;
    }
    transmit(outbox[i].buffer, outbox[i].port);
  }
  outbox.clear();
}

void Worker::send_polled() {
  for (const PortId port : polled_) {
    Port& out = ports_[port.value];
    if (out.outgoing.empty()) continue;
    out.queue->send(out.outgoing, port, ledger_);
    out.outgoing.clear();
  }
}

void Worker::report_vanished() {
  for (const Vanished& gone : io_->take_vanished()) {
    const std::uint32_t generation = ports_[gone.port.value].generation;
    ports_[gone.port.value] = Port{};
    if (config_.on_vanished) config_.on_vanished(gone.port, generation, gone.error_number);
  }
}

void Worker::sleep(Now now) {
  store_counters();
  if (config_.handoff->lie_down(index_) && !has_command_.load(std::memory_order_seq_cst) &&
      !must_stop_.load(std::memory_order_acquire)) {
    std::chrono::nanoseconds limit{-1};
    if (!pipeline_->is_quiet()) limit = std::chrono::nanoseconds(kIdleTickNs);
    if (!polled_.empty()) limit = kNap;
    config_.publisher->leave(index_);
    io_->wait(limit);
    config_.publisher->enter(index_);
  }
  config_.handoff->get_up(index_);
  const std::uint64_t woken_ns = read_clock(CLOCK_BOOTTIME);
  counters_.idle_ns += woken_ns - now.monotonic_ns;
  idle_.slept(now.monotonic_ns, woken_ns);
}

void Worker::store_counters() {
  counters_.held = fragments_held_ + (io_ ? io_->pending() : 0);
  counters_.sent = ledger_.sent_packets();
  counters_.dropped = ledger_.dropped_packets();
  counters_.drops = ledger_.drops();
  counters_.store(*config_.stats);
  ledger_.store(config_.port_stats);
}

}  // namespace bulkhead::dataplane
