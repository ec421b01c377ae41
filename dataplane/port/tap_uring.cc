// SPDX-License-Identifier: Apache-2.0
#include "dataplane/port/tap_uring.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "dataplane/port/tap_frame.h"

namespace bulkhead::dataplane {
namespace {

constexpr unsigned kSubmissions = 256;
constexpr unsigned kCompletions = 4096;
constexpr int kBufferGroup = 0;
constexpr std::uint8_t kReadMultishot = 49;  // IORING_OP_READ_MULTISHOT, newer than liburing 2.3

// What a completion is about: kind in the top four bits, the port in the next twelve, then the
// queue's token (reads) or the buffer's address (writes; user addresses have 47 bits), whose low
// bits, zero in an aligned buffer, hold the end of the token.
enum class About : std::uint64_t { Nothing = 0, Read = 1, Write = 2, Wakeup = 3 };
constexpr std::uint64_t kLowBits = (std::uint64_t{1} << 48) - 1;
constexpr std::uint64_t kTokenEnd = RTE_CACHE_LINE_SIZE - 1;

std::uint64_t label(About about, PortId port, std::uint64_t low) {
  return static_cast<std::uint64_t>(about) << 60 | std::uint64_t{port.value & 0xfff} << 48 | low;
}
About about_of(const io_uring_cqe& cqe) { return static_cast<About>(cqe.user_data >> 60); }
PortId port_of(const io_uring_cqe& cqe) {
  return PortId{static_cast<std::uint32_t>(cqe.user_data >> 48 & 0xfff)};
}
static_assert(api::kMaxPorts <= 4096);

std::string text_of(int error) { return std::strerror(error); }

}  // namespace

UringTapIo::UringTapIo(BufferPool& pool, Ledger& ledger)
    : pool_(pool), ledger_(ledger), queues_(api::kMaxPorts) {}

Result<std::unique_ptr<TapIo>> UringTapIo::make(BufferPool& pool, Ledger& ledger) {
  std::unique_ptr<UringTapIo> io(new UringTapIo(pool, ledger));
  if (auto started = io->start(); !started) return tl::unexpected(started.error());
  return std::unique_ptr<TapIo>(std::move(io));
}

Status UringTapIo::start() {
  wakeup_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wakeup_.is_open()) return fail("cannot make an eventfd: {}", text_of(errno));
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_CQSIZE;
  params.cq_entries = kCompletions;
  if (const int error = io_uring_queue_init_params(kSubmissions, &ring_, &params); error < 0) {
    return fail("io_uring_setup: {}", text_of(-error));
  }
  has_ring_ = true;
  if (const int error = io_uring_register_files_sparse(&ring_, api::kMaxPorts); error < 0) {
    return fail("io_uring fixed files: {}", text_of(-error));
  }
  if (auto provided = provide_buffers(); !provided) return provided;
  arm_wakeup();
  io_uring_submit(&ring_);
  return {};
}

Status UringTapIo::provide_buffers() {
  void* memory = mmap(nullptr, kLent * sizeof(io_uring_buf), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return fail("cannot map a buffer ring: {}", text_of(errno));
  lent_ring_ = static_cast<io_uring_buf_ring*>(memory);
  io_uring_buf_ring_init(lent_ring_);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(lent_ring_);
  registration.ring_entries = kLent;
  registration.bgid = kBufferGroup;
  if (const int error = io_uring_register_buf_ring(&ring_, &registration, 0); error < 0) {
    return fail("io_uring buffer ring: {}", text_of(-error));
  }
  for (std::size_t i = 0; i < kLent; ++i) free_[i] = static_cast<std::uint16_t>(i);
  free_count_ = kLent;
  lend_buffers();
  return {};
}

UringTapIo::~UringTapIo() {
  if (has_ring_) {
    for (std::uint32_t port = 0; port < queues_.size(); ++port) detach(PortId{port});
    for (int round = 0; round < 100 && pending_ > 0; ++round) settle();
    io_uring_unregister_buf_ring(&ring_, kBufferGroup);
    io_uring_queue_exit(&ring_);
  }
  if (lent_ring_ != nullptr) munmap(lent_ring_, kLent * sizeof(io_uring_buf));
  for (rte_mbuf* buffer : lent_) {
    if (buffer != nullptr) pool_.give_back(buffer);
  }
}

// Looks for completions outside receive(): frames that come now are nobody's, and go back.
void UringTapIo::settle() {
  Batch stray;
  receive(stray);
  for (std::size_t i = 0; i < stray.size; ++i) {
    ledger_.received(stray.in_port[i], stray.mbuf[i]->pkt_len);
    pool_.give_back(stray.mbuf[i]);
  }
}

io_uring_sqe* UringTapIo::next_sqe() {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  while (sqe == nullptr) {
    io_uring_submit(&ring_);
    sqe = io_uring_get_sqe(&ring_);
  }
  return sqe;
}

void UringTapIo::arm(PortId port) {
  Queue& queue = queues_[port.value];
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_rw(kReadMultishot, sqe, static_cast<int>(port.value), nullptr, 0,
                   static_cast<__u64>(-1));
  sqe->flags = IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
  sqe->buf_group = kBufferGroup;
  sqe->user_data = label(About::Read, port, queue.token);
  queue.is_armed = true;
}

void UringTapIo::arm_wakeup() {
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_poll_multishot(sqe, wakeup_.value(), POLLIN);
  sqe->user_data = label(About::Wakeup, PortId{0}, 0);
}

void UringTapIo::arm_waiting() {
  if (free_count_ == kLent) return;  // the kernel has no buffer: a read would end at once
  for (const PortId port : to_arm_) {
    if (queues_[port.value].is_attached && !queues_[port.value].is_armed) arm(port);
  }
  to_arm_.clear();
}

void UringTapIo::lend_buffers() {
  int added = 0;
  while (free_count_ > 0) {
    rte_mbuf* buffer = pool_.take();
    if (buffer == nullptr) break;  // the rest when buffers have come back
    const std::uint16_t id = free_[--free_count_];
    lent_[id] = buffer;
    io_uring_buf_ring_add(lent_ring_, tap_bytes(buffer), static_cast<unsigned>(tap_room(buffer)),
                          id, io_uring_buf_ring_mask(kLent), added);
    ++added;
  }
  if (added > 0) io_uring_buf_ring_advance(lent_ring_, added);
}

Status UringTapIo::attach(PortId port, int fd) {
  Queue& queue = queues_[port.value];
  if (const int count = io_uring_register_files_update(&ring_, port.value, &fd, 1); count < 0) {
    return fail("cannot register port {} with io_uring: {}", port.value, text_of(-count));
  }
  ++queue.token;
  queue.is_attached = true;
  queue.is_armed = false;
  arm(port);
  io_uring_submit(&ring_);
  return {};
}

void UringTapIo::forget(PortId port) {
  Queue& queue = queues_[port.value];
  if (queue.is_armed) {
    io_uring_sqe* sqe = next_sqe();
    io_uring_prep_cancel64(sqe, label(About::Read, port, queue.token), 0);
    sqe->user_data = label(About::Nothing, PortId{0}, 0);
    io_uring_submit(&ring_);
  }
  // From here on completions of the old token are known to be stale.
  ++queue.token;
  queue.is_attached = false;
  queue.is_armed = false;
  int none = -1;
  io_uring_register_files_update(&ring_, port.value, &none, 1);
}

void UringTapIo::detach(PortId port) {
  if (!queues_[port.value].is_attached) return;
  forget(port);
  // Runs the cancelled read's end, so that the kernel lets the device go now.
  io_uring_get_events(&ring_);
}

void UringTapIo::vanish(PortId port, int error) {
  if (!queues_[port.value].is_attached) return;
  forget(port);
  vanished_.push_back({port, error});
}

void UringTapIo::on_read(const io_uring_cqe& cqe, Batch& batch) {
  const PortId port = port_of(cqe);
  Queue& queue = queues_[port.value];
  const bool is_current =
      queue.is_attached && queue.token == static_cast<std::uint32_t>(cqe.user_data & kLowBits);
  if ((cqe.flags & IORING_CQE_F_BUFFER) != 0) {
    const auto id = static_cast<std::uint16_t>(cqe.flags >> IORING_CQE_BUFFER_SHIFT);
    rte_mbuf* buffer = std::exchange(lent_[id], nullptr);
    free_[free_count_++] = id;
    if (is_current && cqe.res >= 0) {
      set_tap_length(buffer, static_cast<std::size_t>(cqe.res));
      batch.mbuf[batch.size] = buffer;
      batch.in_port[batch.size] = port;
      ++batch.size;
    } else {
      pool_.give_back(buffer);
    }
  }
  if (!is_current || (cqe.flags & IORING_CQE_F_MORE) != 0) return;
  queue.is_armed = false;
  // Out of buffers, or the kernel ended a long series; any other error would come back at once.
  if (cqe.res >= 0 || cqe.res == -ENOBUFS || cqe.res == -EAGAIN || cqe.res == -EINTR) {
    to_arm_.push_back(port);
  } else {
    vanish(port, -cqe.res);
  }
}

void UringTapIo::on_write(const io_uring_cqe& cqe) {
  const PortId port = port_of(cqe);
  auto* buffer = reinterpret_cast<rte_mbuf*>(cqe.user_data & kLowBits & ~kTokenEnd);
  --pending_;
  if (cqe.res >= 0) {
    ledger_.sent(port, buffer->pkt_len);
  } else {
    ledger_.dropped(port, reason_of_write_error(-cqe.res));
    // A late answer from a device that another has replaced says nothing about the new one.
    const bool is_current = ((queues_[port.value].token ^ cqe.user_data) & kTokenEnd) == 0;
    if (is_current && means_vanished(-cqe.res)) vanish(port, -cqe.res);
  }
  rte_pktmbuf_free(buffer);
}

void UringTapIo::receive(Batch& batch) {
  const unsigned flags = IO_URING_READ_ONCE(*ring_.sq.kflags);
  if (io_uring_sq_ready(&ring_) > 0) {
    io_uring_submit_and_get_events(&ring_);
  } else if ((flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0) {
    io_uring_get_events(&ring_);
  }
  unsigned head = 0;
  unsigned seen = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    if (batch.size == kBatchSize) break;
    ++seen;
    switch (about_of(*cqe)) {
      case About::Read:
        on_read(*cqe, batch);
        break;
      case About::Write:
        on_write(*cqe);
        break;
      case About::Wakeup: {
        eventfd_t value = 0;
        eventfd_read(wakeup_.value(), &value);
        if ((cqe->flags & IORING_CQE_F_MORE) == 0) arm_wakeup();
        break;
      }
      case About::Nothing:
        break;
    }
  }
  io_uring_cq_advance(&ring_, seen);
  lend_buffers();
  arm_waiting();
}

void UringTapIo::send(std::span<const Outgoing> frames) {
  for (const auto& [buffer, port] : frames) {
    if (!queues_[port.value].is_attached) {
      ledger_.dropped(port, DropReason::PortDown);
      rte_pktmbuf_free(buffer);
      continue;
    }
    io_uring_sqe* sqe = next_sqe();
    io_uring_prep_write(sqe, static_cast<int>(port.value), tap_bytes(buffer),
                        static_cast<unsigned>(tap_length(buffer)), static_cast<__u64>(-1));
    sqe->flags = IOSQE_FIXED_FILE;
    sqe->user_data =
        label(About::Write, port,
              reinterpret_cast<std::uintptr_t>(buffer) | (queues_[port.value].token & kTokenEnd));
    ++pending_;
  }
}

void UringTapIo::flush() {
  if (io_uring_sq_ready(&ring_) > 0) io_uring_submit_and_get_events(&ring_);
}

void UringTapIo::wait(std::chrono::nanoseconds timeout) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
  __kernel_timespec limit{seconds.count(), (timeout - seconds).count()};
  io_uring_cqe* cqe = nullptr;
  io_uring_submit_and_wait_timeout(&ring_, &cqe, 1, timeout.count() < 0 ? nullptr : &limit,
                                   nullptr);
}

void UringTapIo::wake() { eventfd_write(wakeup_.value(), 1); }

std::vector<Vanished> UringTapIo::take_vanished() { return std::exchange(vanished_, {}); }

}  // namespace bulkhead::dataplane
