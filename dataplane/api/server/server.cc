// SPDX-License-Identifier: Apache-2.0
#include "dataplane/api/server/server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "dataplane/api/server/log.h"

namespace bulkhead::dataplane {
namespace {

constexpr int kHeartbeatMs = 100;
constexpr std::uint64_t kLookEveryNs = 1'000'000'000;  // 4096 ports are one call of a millisecond

std::uint64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

Result<std::unique_ptr<Notices>> Notices::make() {
  auto notices = std::make_unique<Notices>();
  notices->wakeup_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!notices->wakeup_.is_open()) {
    return fail("cannot make an eventfd: {}", std::strerror(errno));
  }
  return notices;
}

void Notices::post(Gone gone) {
  const std::lock_guard lock(mutex_);
  gone_.push_back(gone);
  eventfd_write(wakeup_.value(), 1);
}

std::vector<Notices::Gone> Notices::take() {
  const std::lock_guard lock(mutex_);
  eventfd_t value = 0;
  eventfd_read(wakeup_.value(), &value);
  return std::exchange(gone_, {});
}

void Server::run() {
  for (;;) {
    // The agent before the listener: the end of a dead agent's connection is seen before its
    // successor's beginning.
    std::array<pollfd, 4> waiting{
        pollfd{parts_.signals.value(), POLLIN, 0}, pollfd{parts_.notices->fd(), POLLIN, 0},
        pollfd{agent_ ? agent_->fd() : -1, POLLIN, 0},
        pollfd{listener_rests_ ? -1 : parts_.listener.value(), POLLIN, 0}};
    listener_rests_ = false;
    poll(waiting.data(), waiting.size(), kHeartbeatMs);
    beat();
    if (waiting[0].revents != 0) return;
    if (waiting[1].revents != 0) pass_notices();
    look_at_devices();
    if (waiting[2].revents != 0) serve_agent();
    if (waiting[3].revents != 0) accept_agent();
  }
}

void Server::serve_agent() {
  if (auto served = agent_->serve(); !served) {
    log_warning("agent connection over: {}; the last table stays in force", served.error().text());
    agent_.reset();
  }
}

void Server::accept_agent() {
  Fd socket = api::accept_at(parts_.listener.value());
  if (!socket.is_open()) {
    // Out of descriptors, perhaps: the connection waits on, and polling for it would not sleep.
    listener_rests_ = true;
    return;
  }
  const auto peer = api::peer_of(socket.value());
  if (!peer || (peer->uid != 0 && peer->uid != geteuid())) {
    log_warning(
        "connection refused: {}",
        peer ? fmt::format("uid {} is neither root nor ours", peer->uid) : peer.error().text());
    return;
  }
  if (agent_) serve_agent();  // it may be over without our having looked
  if (agent_) {
    log_warning("connection of process {} refused: an agent is connected", peer->pid);
    return;
  }
  agent_.emplace(api::Channel(std::move(socket)), parts_.greeting, *parts_.keeper);
}

void Server::pass_notices() {
  for (const Notices::Gone& gone : parts_.notices->take()) {
    const auto closed =
        parts_.keeper->close_vanished(gone.port, gone.generation, gone.error_number);
    if (closed && agent_) agent_->tell(*closed);
  }
}

void Server::look_at_devices() {
  const std::uint64_t now_ns = monotonic_ns();
  if (now_ns < look_at_ns_) return;
  look_at_ns_ = now_ns + kLookEveryNs;
  for (const api::PortClosed& closed : parts_.keeper->close_cut_off()) {
    if (agent_) agent_->tell(closed);
  }
}

void Server::beat() {
  api::StatsPage& page = parts_.greeting.shared->stats();
  constexpr auto relaxed = std::memory_order_relaxed;
  page.heartbeat_ns.store(monotonic_ns(), relaxed);
  page.revision.store(parts_.keeper->revision().value, relaxed);
  page.epoch.store(parts_.keeper->epoch().value, relaxed);
}

}  // namespace bulkhead::dataplane
