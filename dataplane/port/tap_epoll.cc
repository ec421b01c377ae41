// SPDX-License-Identifier: Apache-2.0
#include "dataplane/port/tap_epoll.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "dataplane/port/tap_frame.h"

namespace bulkhead::dataplane {
namespace {

constexpr std::uint32_t kWakeup = 0;  // epoll data: PortId::value, 0 for the eventfd
constexpr int kMaxEvents = 64;
constexpr std::size_t kFramesPerTurn = 32;  // of one port before the next gets its turn

timespec to_timespec(std::chrono::nanoseconds time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  return {seconds.count(), (time - seconds).count()};
}

}  // namespace

Result<std::unique_ptr<TapIo>> EpollTapIo::make(BufferPool& pool, Ledger& ledger) {
  Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  Fd wakeup(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll.is_open() || !wakeup.is_open()) {
    return fail("cannot make an epoll set: {}", std::strerror(errno));
  }
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = kWakeup;
  if (epoll_ctl(epoll.value(), EPOLL_CTL_ADD, wakeup.value(), &event) != 0) {
    return fail("cannot watch an eventfd: {}", std::strerror(errno));
  }
  return std::unique_ptr<TapIo>(new EpollTapIo(pool, ledger, std::move(epoll), std::move(wakeup)));
}

EpollTapIo::EpollTapIo(BufferPool& pool, Ledger& ledger, Fd epoll, Fd wakeup)
    : pool_(pool),
      ledger_(ledger),
      epoll_(std::move(epoll)),
      wakeup_(std::move(wakeup)),
      fds_(api::kMaxPorts, -1) {}

EpollTapIo::~EpollTapIo() {
  if (spare_ != nullptr) pool_.give_back(spare_);
}

Status EpollTapIo::attach(PortId port, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = port.value;
  if (epoll_ctl(epoll_.value(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return fail("cannot watch port {}: {}", port.value, std::strerror(errno));
  }
  fds_[port.value] = fd;
  return {};
}

void EpollTapIo::detach(PortId port) {
  const int fd = std::exchange(fds_[port.value], -1);
  if (fd >= 0) epoll_ctl(epoll_.value(), EPOLL_CTL_DEL, fd, nullptr);
}

void EpollTapIo::vanish(PortId port, int error) {
  if (fds_[port.value] < 0) return;
  detach(port);
  vanished_.push_back({port, error});
}

void EpollTapIo::read_port(PortId port, Batch& batch) {
  const int fd = fds_[port.value];
  for (std::size_t turn = 0; turn < kFramesPerTurn && batch.size < kBatchSize; ++turn) {
    if (spare_ == nullptr) spare_ = pool_.take();
    if (spare_ == nullptr) return;  // the kernel keeps queueing until buffers come back
    const ssize_t count = read(fd, tap_bytes(spare_), tap_room(spare_));
    if (count < 0) {
      // EAGAIN ends every turn; EIO is a link that is down and may come up again.
      if (means_vanished(errno)) vanish(port, errno);
      return;
    }
    set_tap_length(spare_, static_cast<std::size_t>(count));
    batch.mbuf[batch.size] = std::exchange(spare_, nullptr);
    batch.in_port[batch.size] = port;
    ++batch.size;
  }
}

void EpollTapIo::receive(Batch& batch) {
  std::array<epoll_event, kMaxEvents> events;
  const int count = epoll_wait(epoll_.value(), events.data(), kMaxEvents, 0);
  for (int i = 0; i < count; ++i) {
    const PortId port{events[static_cast<std::size_t>(i)].data.u32};
    const auto what = events[static_cast<std::size_t>(i)].events;
    if (port.value == kWakeup) {
      eventfd_t value = 0;
      eventfd_read(wakeup_.value(), &value);
    } else if ((what & (EPOLLERR | EPOLLHUP)) != 0) {
      vanish(port, EBADFD);
    } else if (batch.size < kBatchSize && fds_[port.value] >= 0) {
      read_port(port, batch);
    }
  }
}

void EpollTapIo::send(std::span<const Outgoing> frames) {
  for (const auto& [buffer, port] : frames) {
    const int fd = fds_[port.value];
    const ssize_t written = fd < 0 ? -1 : write(fd, tap_bytes(buffer), tap_length(buffer));
    if (written >= 0) {
      ledger_.sent(port, buffer->pkt_len);
    } else if (fd < 0) {
      ledger_.dropped(port, DropReason::PortDown);
    } else {
      const int error = errno;
      ledger_.dropped(port, reason_of_write_error(error));
      if (means_vanished(error)) vanish(port, error);
    }
    rte_pktmbuf_free(buffer);
  }
}

void EpollTapIo::wait(std::chrono::nanoseconds timeout) {
  epoll_event event{};
  const timespec limit = to_timespec(timeout);
  epoll_pwait2(epoll_.value(), &event, 1, timeout.count() < 0 ? nullptr : &limit, nullptr);
}

void EpollTapIo::wake() { eventfd_write(wakeup_.value(), 1); }

std::vector<Vanished> EpollTapIo::take_vanished() { return std::exchange(vanished_, {}); }

}  // namespace bulkhead::dataplane
